/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * libgesso: a sentence becomes a picture.
 *
 * The few lines a caller writes:
 *
 *   g_autoptr (GError) error = NULL;
 *   g_autoptr (GessoEngine) engine = gesso_engine_new ("models/starter", NULL, NULL, &error);
 *   g_autoptr (GessoRequest) request = gesso_request_new ("a red circle on blue");
 *   g_autoptr (GPtrArray) pictures = NULL;
 *
 *   if (engine)
 *     pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);
 *   if (pictures)
 *     use_rgb_bytes (gesso_picture_get_pixels (g_ptr_array_index (pictures, 0)));
 *
 * This is the only public header. The library never prints, exits or aborts: whatever goes wrong is a GError
 * of the domain GESSO_ERROR whose message names the file, the tensor or the value and what to do next.
 *
 * Threads: an engine may be used from any one thread at a time (a second caller waits for the first); different
 * engines are independent. Each engine owns one long-lived compute thread, on which everything heavy runs;
 * callbacks arrive on the thread that called, never on the compute thread.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#if defined(_WIN32)
#define GESSO_API __declspec (dllexport)
#else
#define GESSO_API __attribute__ ((visibility ("default")))
#endif

/**
 * GESSO_ERROR:
 *
 * Error domain of the library, codes from #GessoError. Messages are translated.
 */
#define GESSO_ERROR (gesso_error_quark ())
GESSO_API GQuark gesso_error_quark (void);

/**
 * GessoError:
 * @GESSO_ERROR_MODEL_NOT_FOUND: no such folder, or a part of the model is missing from it
 * @GESSO_ERROR_MODEL_INVALID: a file of the model is damaged, or asks for something the engine cannot do
 * @GESSO_ERROR_REQUEST_INVALID: a value of the request (or of the options) is out of range
 * @GESSO_ERROR_OUT_OF_MEMORY: it would need more memory than there is, or than it was allowed
 * @GESSO_ERROR_DEVICE: the device is not there, cannot do it, or failed
 * @GESSO_ERROR_CANCELLED: the #GCancellable was triggered
 */
typedef enum
{
  GESSO_ERROR_MODEL_NOT_FOUND,
  GESSO_ERROR_MODEL_INVALID,
  GESSO_ERROR_REQUEST_INVALID,
  GESSO_ERROR_OUT_OF_MEMORY,
  GESSO_ERROR_DEVICE,
  GESSO_ERROR_CANCELLED,
} GessoError;

/**
 * GessoPrecision:
 * @GESSO_PRECISION_AUTO: what the device does best (CPU: bf16 where the processor is faster in it, else f32)
 * @GESSO_PRECISION_F32: 32-bit floats; the precision of the reference
 * @GESSO_PRECISION_BF16: bfloat16 storage, 32-bit accumulation
 * @GESSO_PRECISION_F16: IEEE half storage, 32-bit accumulation
 */
typedef enum
{
  GESSO_PRECISION_AUTO,
  GESSO_PRECISION_F32,
  GESSO_PRECISION_BF16,
  GESSO_PRECISION_F16,
} GessoPrecision;

/**
 * GessoDevice:
 * @GESSO_DEVICE_AUTO: the best device that works here
 * @GESSO_DEVICE_CPU: the processor
 * @GESSO_DEVICE_CUDA: an NVIDIA card
 */
typedef enum
{
  GESSO_DEVICE_AUTO,
  GESSO_DEVICE_CPU,
  GESSO_DEVICE_CUDA,
} GessoDevice;

/**
 * gesso_precision_from_string:
 * @text: "auto", "f32", "bf16" or "f16"
 * @precision: (out): the precision
 *
 * Returns: whether @text names a precision
 */
GESSO_API gboolean gesso_precision_from_string (const char *text, GessoPrecision *precision);

/** gesso_precision_to_string: Returns: (transfer none): "auto", "f32", "bf16" or "f16" */
GESSO_API const char *gesso_precision_to_string (GessoPrecision precision);

/** gesso_device_from_string: the same for "auto", "cpu" and "cuda" */
GESSO_API gboolean gesso_device_from_string (const char *text, GessoDevice *device);

/** gesso_device_to_string: Returns: (transfer none): "auto", "cpu" or "cuda" */
GESSO_API const char *gesso_device_to_string (GessoDevice device);

/**
 * GessoOptions:
 * @device: where to compute
 * @precision: in which precision
 * @max_memory: what the process may hold for this engine, in bytes; 0: no limit but the machine's
 * @n_threads: threads to compute with; 0: all cores the process may use
 *
 * How an engine is opened. Start from gesso_options_new().
 */
typedef struct
{
  GessoDevice device;
  GessoPrecision precision;
  guint64 max_memory;
  int n_threads;
} GessoOptions;

#define GESSO_TYPE_OPTIONS (gesso_options_get_type ())
GESSO_API GType gesso_options_get_type (void);
GESSO_API GessoOptions *gesso_options_new (void);
GESSO_API GessoOptions *gesso_options_copy (const GessoOptions *options);
GESSO_API void gesso_options_free (GessoOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoOptions, gesso_options_free)

/**
 * GessoRequest:
 * @prompt: what to paint, UTF-8; "" is allowed
 * @negative_prompt: (nullable): what to keep away from
 * @width: pixels, a multiple of what the VAE scales by (8 in the family) and at least that; 0: the model's own size
 * @height: likewise
 * @steps: denoising steps, from 1 up to what the model's schedule has room for (999 for those of the family)
 * @guidance: guidance scale; 1.0 or less evaluates the prompt alone, as diffusers does
 * @seed: seed of the noise (its low 32 bits count, as in torch); picture i of @n_images uses @seed + i
 * @n_images: pictures to make, 1..64
 * @batch: pictures computed at a time; 0: as suits the device (on the CPU one, which gains nothing from more)
 * @scheduler: (nullable): "pndm"; %NULL: the folder's own, or PNDM where that is another
 * @max_memory: limit for this request in bytes; 0: the engine's
 * @previews: preview pictures are wanted
 *
 * What is asked of an engine. Start from gesso_request_new(), which fills in the defaults.
 */
typedef struct
{
  char *prompt;
  char *negative_prompt;
  int width;
  int height;
  int steps;
  double guidance;
  guint64 seed;
  int n_images;
  int batch;
  char *scheduler;
  guint64 max_memory;
  gboolean previews;
} GessoRequest;

#define GESSO_TYPE_REQUEST (gesso_request_get_type ())
GESSO_API GType gesso_request_get_type (void);

/**
 * gesso_request_new:
 * @prompt: what to paint
 *
 * Returns: (transfer full): a request with 25 steps, guidance 7.5, seed 0, one picture, the model's own size
 */
GESSO_API GessoRequest *gesso_request_new (const char *prompt);
GESSO_API GessoRequest *gesso_request_copy (const GessoRequest *request);
GESSO_API void gesso_request_free (GessoRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoRequest, gesso_request_free)

/**
 * GessoPicture:
 *
 * A finished picture: 8-bit sRGB, rows from the top, 3 bytes a pixel without padding.
 */
typedef struct _GessoPicture GessoPicture;

#define GESSO_TYPE_PICTURE (gesso_picture_get_type ())
GESSO_API GType gesso_picture_get_type (void);
GESSO_API GessoPicture *gesso_picture_ref (GessoPicture *picture);
GESSO_API void gesso_picture_unref (GessoPicture *picture);
GESSO_API int gesso_picture_get_width (const GessoPicture *picture);
GESSO_API int gesso_picture_get_height (const GessoPicture *picture);

/** gesso_picture_get_seed: Returns: the seed that makes this very picture when asked for alone */
GESSO_API guint64 gesso_picture_get_seed (const GessoPicture *picture);

/** gesso_picture_get_pixels: Returns: (transfer none): width x height x 3 bytes */
GESSO_API GBytes *gesso_picture_get_pixels (const GessoPicture *picture);

/**
 * gesso_picture_get_parameters:
 *
 * Returns: (transfer none): the text that other programs read from a PNG's "parameters" chunk: prompt,
 * negative prompt, steps, sampler, guidance, seed, size, model
 */
GESSO_API const char *gesso_picture_get_parameters (const GessoPicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoPicture, gesso_picture_unref)

/**
 * GessoTensorData:
 * @name: what it is
 * @dtype: "I32", "F32" or "U8"
 * @n_dims: number of dimensions
 * @dims: the dimensions, outermost first
 * @data: the values, in machine byte order
 *
 * An intermediate result, see #GessoProgress and gesso_engine_generate_traced().
 */
typedef struct
{
  char *name;
  const char *dtype;
  int n_dims;
  gint64 dims[4];
  GBytes *data;
} GessoTensorData;

GESSO_API void gesso_tensor_data_free (GessoTensorData *tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoTensorData, gesso_tensor_data_free)

/**
 * GessoStage:
 * @GESSO_STAGE_OPEN: reading and packing weights
 * @GESSO_STAGE_ENCODE: the prompt
 * @GESSO_STAGE_DENOISE: the steps
 * @GESSO_STAGE_DECODE: latents to pixels
 */
typedef enum
{
  GESSO_STAGE_OPEN,
  GESSO_STAGE_ENCODE,
  GESSO_STAGE_DENOISE,
  GESSO_STAGE_DECODE,
} GessoStage;

typedef struct _GessoPreview GessoPreview;

/**
 * GessoProgress:
 * @stage: what is being done
 * @fraction: 0..1 of the whole request, estimated from the work of each part
 * @step: denoising steps (scheduler evaluations) done, or on a card queued
 * @n_steps: of so many; all batches of the request together
 * @first_image: index of the first picture of the running batch
 * @n_images: pictures in the running batch
 * @preview: (nullable): how far the picture is, only after a denoising step
 *
 * Valid during the callback only.
 */
typedef struct
{
  GessoStage stage;
  double fraction;
  int step;
  int n_steps;
  int first_image;
  int n_images;
  GessoPreview *preview;
} GessoProgress;

/**
 * GessoProgressFunc:
 * @progress: how far it is
 * @user_data: the caller's own
 *
 * Must not call the engine it reports on, nor drop the last reference to it: the engine waits for the callback.
 */
typedef void (*GessoProgressFunc) (const GessoProgress *progress, gpointer user_data);

/**
 * gesso_preview_get_latents:
 * @preview: a preview
 * @image: picture of the running batch
 * @n_channels: (out): latent channels
 * @height: (out): rows of latents
 * @width: (out): columns of latents
 *
 * Returns: (transfer none): the latents of one picture after the step, with the noise that is left, channels x height x
 * width, scaled as the scheduler has them; valid during the callback only
 */
GESSO_API const float *gesso_preview_get_latents (GessoPreview *preview, int image, int *n_channels, int *height,
                                                  int *width);

/**
 * gesso_preview_get_picture:
 * @preview: a preview
 * @image: picture of the running batch
 * @width: (out): columns
 * @height: (out): rows
 *
 * A small picture of what is being painted, one pixel a latent: what the step took the latents for without their noise,
 * by colours that were fitted to the model's own decoder
 * (least squares on small decodes; kept in the user's cache folder) where the request's @previews was set. Without
 * them, or where they could not be learned (for want of memory, or of latents in a tiny picture), it is grey.
 *
 * Returns: (transfer full): width x height x 3 bytes of sRGB
 */
GESSO_API GBytes *gesso_preview_get_picture (GessoPreview *preview, int image, int *width, int *height);

/**
 * GessoModelSource:
 * @GESSO_MODEL_SOURCE_STARTER: comes with Gesso: the model named "starter", and any in its own data folder
 * @GESSO_MODEL_SOURCE_USER: in the user's own models folder, see gesso_models_user_folder()
 * @GESSO_MODEL_SOURCE_HUGGING_FACE: in the cache of Hugging Face's tools
 * @GESSO_MODEL_SOURCE_PATH: in a folder that the environment variable GESSO_MODELS_PATH lists
 */
typedef enum
{
  GESSO_MODEL_SOURCE_STARTER,
  GESSO_MODEL_SOURCE_USER,
  GESSO_MODEL_SOURCE_HUGGING_FACE,
  GESSO_MODEL_SOURCE_PATH,
} GessoModelSource;

/**
 * GessoInstalledModel:
 * @name: what gesso_models_find() knows it by: "starter", the folder's name, or as on Hugging Face
 *   ("nota-ai/bk-sdm-v2-tiny")
 * @folder: where it is
 * @source: how it was found
 * @size_on_disk: bytes of all its files, links followed
 *
 * A model folder on this machine.
 */
typedef struct
{
  char *name;
  char *folder;
  GessoModelSource source;
  guint64 size_on_disk;
} GessoInstalledModel;

GESSO_API void gesso_installed_model_free (GessoInstalledModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoInstalledModel, gesso_installed_model_free)

/**
 * gesso_models_list:
 *
 * Looks for model folders (with a model_index.json) in the folders of GESSO_MODELS_PATH, beside the library and in its
 * data folder, in the user's models folder and in the Hugging Face cache. Reads no weights.
 *
 * Returns: (transfer full) (element-type GessoInstalledModel): the starter first, then by name; of two of one name the
 * one found first
 */
GESSO_API GPtrArray *gesso_models_list (void);

/**
 * gesso_models_find:
 * @name: (nullable): a name as gesso_models_list() gives it, a folder, or %NULL or "" for the starter
 * @error: return location
 *
 * A name that is a path (absolute, or with a leading "." or "~/") is a folder; of other names the installed model is
 * meant before a folder below the working folder.
 *
 * Returns: (transfer full): the folder, or %NULL with MODEL_NOT_FOUND, naming what is installed and where it was looked
 */
GESSO_API char *gesso_models_find (const char *name, GError **error);

/**
 * gesso_models_user_folder:
 *
 * Returns: (transfer full): where a user's own model folders go: gesso/models in the user's data folder, unless the
 * environment variable GESSO_USER_MODELS names another; need not exist yet
 */
GESSO_API char *gesso_models_user_folder (void);

/**
 * GessoEngine:
 *
 * An open model.
 */
#define GESSO_TYPE_ENGINE (gesso_engine_get_type ())
GESSO_API
G_DECLARE_FINAL_TYPE (GessoEngine, gesso_engine, GESSO, ENGINE, GObject)

/**
 * gesso_engine_new:
 * @folder: a model folder as diffusers publishes it
 * @options: (nullable): device, precision, limits; %NULL for the defaults
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Reads the model's configuration and tokenizer, checks that every tensor of every part is there in the right
 * shape, and chooses the device. Weights are read when a part first runs (or by gesso_engine_prepare()).
 *
 * Returns: (transfer full): an engine, or %NULL with MODEL_NOT_FOUND, MODEL_INVALID, DEVICE, REQUEST_INVALID
 * (an option out of range), OUT_OF_MEMORY or CANCELLED
 */
GESSO_API GessoEngine *gesso_engine_new (const char *folder, const GessoOptions *options, GCancellable *cancellable,
                                         GError **error);

/**
 * gesso_engine_prepare:
 * @engine: an engine
 * @request: what will be asked
 * @progress: (nullable) (scope call): called as parts are read
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Plans @request and reads the weights that may stay in memory for it, so that gesso_engine_generate() starts at
 * once. Optional.
 */
GESSO_API gboolean gesso_engine_prepare (GessoEngine *engine, const GessoRequest *request, GessoProgressFunc progress,
                                         gpointer user_data, GCancellable *cancellable, GError **error);

/**
 * gesso_engine_generate:
 * @engine: an engine
 * @request: what to paint
 * @progress: (nullable) (scope call): called after each step, on the calling thread
 * @user_data: for @progress
 * @cancellable: (nullable): to give up; answered within 300 ms
 * @error: return location
 *
 * Blocks until the pictures are there.
 *
 * Returns: (transfer full) (element-type GessoPicture): the pictures, or %NULL with an error; the engine stays
 * usable after any error
 */
GESSO_API GPtrArray *gesso_engine_generate (GessoEngine *engine, const GessoRequest *request,
                                            GessoProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                                            GError **error);

/**
 * gesso_engine_generate_traced:
 * @trace: (out) (transfer full) (element-type GessoTensorData): what went between the parts: "tokens" I32 [2,77]
 *   (row 0 the negative prompt, row 1 the prompt), "text" F32 [2,77,C] after the final layer norm, "noise" F32
 *   [N,c,h,w] before init_noise_sigma, "latents" F32 [N,c,h,w] after the last step (not divided by the scaling
 *   factor), "image" U8 [N,H,W,3]
 *
 * gesso_engine_generate() that also returns the intermediate results.
 */
GESSO_API GPtrArray *gesso_engine_generate_traced (GessoEngine *engine, const GessoRequest *request,
                                                   GessoProgressFunc progress, gpointer user_data, GPtrArray **trace,
                                                   GCancellable *cancellable, GError **error);

/**
 * gesso_engine_count_tokens:
 * @text: a prompt
 * @cut_off: (out) (optional): byte offset in @text from which the model does not see it, or -1 when all of it fits
 *
 * Returns: the number of tokens of @text, without the start and end tokens (a model reads at most 75); -1 for a
 *   @text that is not UTF-8 or longer than any prompt may be
 */
GESSO_API int gesso_engine_count_tokens (GessoEngine *engine, const char *text, gssize *cut_off);

/**
 * gesso_engine_describe:
 *
 * Returns: (transfer full): what the folder holds: parts, sizes, parameters, scheduler, notices; lines of text
 */
GESSO_API char *gesso_engine_describe (GessoEngine *engine);

/**
 * gesso_engine_plan:
 * @request: what would be asked
 * @error: return location
 *
 * Plans @request without reading a weight or running anything.
 *
 * Returns: (transfer full): operations, memory and FLOPs of each part and the peak; lines of text. Where the memory
 * does not suffice the last one says so
 */
GESSO_API char *gesso_engine_plan (GessoEngine *engine, const GessoRequest *request, GError **error);

/** gesso_engine_get_default_size: @width: (out): @height: (out): the size the model was made for, in pixels */
GESSO_API void gesso_engine_get_default_size (GessoEngine *engine, int *width, int *height);

/**
 * gesso_engine_fit_size:
 * @width: the wanted width in pixels, or the width of a place to fill
 * @height: the height
 * @fitted_width: (out): width to ask for
 * @fitted_height: (out): height to ask for
 *
 * The size nearest to @width x @height in which the model paints well: the same proportions as far as they go (at most
 * 1 : 3), an area not far from the one it was trained on, sides that every level of the U-Net can halve.
 */
GESSO_API void gesso_engine_fit_size (GessoEngine *engine, int width, int height, int *fitted_width,
                                      int *fitted_height);

/**
 * GessoMemoryNeed:
 * @least: bytes needed with the model's parts taking turns
 * @resident: bytes needed with everything staying in memory
 * @available: bytes that may be used, by the limit or by what the device has free
 */
typedef struct
{
  guint64 least;
  guint64 resident;
  guint64 available;
} GessoMemoryNeed;

/**
 * gesso_engine_measure:
 * @request: what would be asked
 * @need: (out): the memory it takes
 * @error: return location
 *
 * Plans @request without reading a weight. It can run where @need->least <= @need->available.
 *
 * Returns: %FALSE with REQUEST_INVALID where @request is out of range
 */
GESSO_API gboolean gesso_engine_measure (GessoEngine *engine, const GessoRequest *request, GessoMemoryNeed *need,
                                         GError **error);

/**
 * gesso_engine_largest_size:
 * @request: what would be asked
 * @width: (out): width in pixels
 * @height: (out): height in pixels
 *
 * The largest size of @request's proportions, up to its own, that fits into memory.
 *
 * Returns: %FALSE where not even 64 pixels a side fit
 */
GESSO_API gboolean gesso_engine_largest_size (GessoEngine *engine, const GessoRequest *request, int *width,
                                              int *height);

/**
 * gesso_engine_get_fingerprint:
 * @error: return location
 *
 * A checksum that tells models apart: SHA-256 over the configuration and tokenizer files, and over the size and samples
 * of each weights file (whole where it is small).
 *
 * Returns: (transfer full): 64 hexadecimal digits, or %NULL when a file cannot be read any more
 */
GESSO_API char *gesso_engine_get_fingerprint (GessoEngine *engine, GError **error);

/** gesso_engine_get_device: Returns: what "auto" resolved to */
GESSO_API GessoDevice gesso_engine_get_device (GessoEngine *engine);

/** gesso_engine_get_precision: Returns: what "auto" resolved to */
GESSO_API GessoPrecision gesso_engine_get_precision (GessoEngine *engine);

/**
 * gesso_engine_get_notices:
 *
 * Returns: (transfer none) (array zero-terminated=1): things a user should know that are no errors, such as a
 * scheduler that PNDM stands in for, or why "auto" did not take the card
 */
GESSO_API const char *const *gesso_engine_get_notices (GessoEngine *engine);

/**
 * gesso_devices_describe:
 *
 * Returns: (transfer full): one paragraph a device: name, precisions, memory, or why it cannot be used
 */
GESSO_API char *gesso_devices_describe (void);

/** gesso_version: Returns: (transfer none): "0.1.0" */
GESSO_API const char *gesso_version (void);

G_END_DECLS
