/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The kernels from the host's side: what each computes (graph.h has the formulas), its operands as device addresses,
 * and how it is cut into blocks. Launching queues work on the launcher's stream and never waits.
 */

#pragma once

#include "cuda-driver.h"
#include "graph/graph.h"
#include "parameters.h"

/* The kernels' images: one fat binary for each source and type, made by the build. */
typedef struct
{
  const char *name; /* "conv2d_f16" */
  int capability;   /* ten times the one compute capability that it is for; 0: for all */
  const void *image;
} GessoKernelImage;

extern const GessoKernelImage gesso_kernel_images[];
extern const guint gesso_n_kernel_images;

typedef struct _GessoCublasLt GessoCublasLt; /* cublaslt.h */

typedef struct
{
  const GessoCudaDriver *driver;
  GHashTable *kernels; /* by name, as they are first launched */
  GPtrArray *modules;
  GessoDType type; /* of values: F16 or BF16 */
  int capability;  /* of the device: ten times its compute capability */
  int processors;
  gboolean has_warpgroups; /* there are kernels with the products of warpgroups, and they may be used */
  CUstream stream;
  const GessoCublasLt *lt; /* of whoever made the launcher; NULL: all products are our own */
} GessoLauncher;

/* Bytes of shared memory that a block may have on every card of compute capability 8.0 and later. */
#define GESSO_MOST_SHARED ((gsize) 99 << 10)

/* FALSE where GESSO_CUDA_WARPGROUPS in the environment is "off": a kernel that faults takes the card from its process,
 * and those by warpgroups were written by a manual. */
gboolean gesso_launcher_wants_warpgroups (void);

/* Loads the kernels of `type` (F16 or BF16) in the current context, that of a device of `capability` (ten times the
 * compute capability); `stream` is the caller's. */
GessoLauncher *gesso_launcher_new (const GessoCudaDriver *driver, GessoDType type, int capability, int processors,
                                   CUstream stream, GError **error);
void gesso_launcher_free (GessoLauncher *launcher);

/* Queues the kernel `name` + "_" + `type`'s name. */
gboolean gesso_launch (GessoLauncher *launcher, const char *name, GessoDType type, const guint32 grid[3], guint threads,
                       gsize shared, void **parameters, GError **error);

/* The same of a kernel that goes through `n` items: each thread does several where there are many. */
gboolean gesso_launch_items (GessoLauncher *launcher, const char *name, GessoDType type, gsize n, void **parameters,
                             GError **error);

/* --- products: CONV2D and LINEAR --- */

typedef enum
{
  GESSO_TILE_128X128,
  GESSO_TILE_128X64,
  GESSO_TILE_64X64,
  GESSO_TILE_WARPGROUPS_128X160, /* from here on where the launcher has warpgroups */
  GESSO_TILE_WARPGROUPS_128X128,
  GESSO_TILE_WARPGROUPS_256X128,
  GESSO_N_TILES
} GessoTile;

/* How a product is made: in tiles of our own kernels, the sum over k cut into parts, or by an algorithm of cuBLASLt's,
 * whose words may be kept for the same version on the same kind of card. Our own launch does all members at once, of
 * cuBLASLt's each does one. */
typedef struct
{
  GessoTile tile;
  int parts;
  gboolean by_lt;
  gsize lt_workspace; /* bytes that it wants for scratch */
  guint64 lt_algorithm[8];
} GessoProductWay;

/* One product, or several of one shape with one input: the members. All have a bias or none has, and so a residual; no
 * result lies where another member reads or writes. */
typedef struct
{
  CUdeviceptr input;
  int n_members; /* at most GESSO_MOST_MEMBERS; of a convolution 1 */
  GessoProductMember member[GESSO_MOST_MEMBERS];
  CUdeviceptr lt_bias[GESSO_MOST_MEMBERS]; /* the biases in the type of values, as cuBLASLt wants them; 0: none */
  CUdeviceptr scratch;                     /* gesso_product_scratch () bytes */
  /* A linear layer has 1 x 1 pixels, as gesso_product_linear () sets it. */
  GessoConvShape conv;
  gint64 begin, end; /* rows (pixels of all pictures) to compute */
  gint64 shortest;   /* of an operation that is cut into bands: the rows of the shortest; 0: it is whole */
  gint64 columns;    /* of the result */
  gboolean geglu;
  GessoActivation activation;
  GessoProductWay way; /* chosen by rule of thumb, or by whoever measures */
} GessoProduct;

/* A product that is not to run yet has this in place of addresses: only whether there is one counts. */
#define GESSO_SOMEWHERE ((CUdeviceptr) 256)

/* Sets the shape of one linear layer of `rows` rows, `width` values to `columns`. */
void gesso_product_linear (GessoProduct *product, gint64 rows, gint64 width, gint64 columns, gboolean geglu);
/* Whether it is a plain product of matrices whose rows are whole vectors of 8 values: no gathering of pixels. */
gboolean gesso_product_is_linear (const GessoProduct *product);
/* Whether there is a kernel for this tile. */
gboolean gesso_product_has_tile (const GessoLauncher *launcher, const GessoProduct *product, GessoTile tile);
/* A tile and a number of parts that fill the launcher's device well, by rule of thumb. */
void gesso_product_choose (const GessoLauncher *launcher, GessoProduct *product);
/* Whether one member by itself has work for all of `processors` multiprocessors. */
gboolean gesso_product_is_large (const GessoProduct *product, int processors);
/* Stages of k in a tile, at most as many as there can be parts. */
gint64 gesso_product_stages (const GessoProduct *product, GessoTile tile);
/* Ways of our own that may be worth measuring, the rule of thumb's first: at most GESSO_MAX_OWN_WAYS. */
#define GESSO_MAX_OWN_WAYS (1 + 4 * GESSO_N_TILES)
int gesso_product_ways (const GessoLauncher *launcher, const GessoProduct *product, GessoProductWay *ways);
/* Bytes of scratch for the product's way: 0 where it needs none. */
gsize gesso_product_scratch (const GessoProduct *product);
/* The fewest rows that the product's way has to do for: all bands of an operation go one way, so that there are no
 * seams.
 */
gint64 gesso_product_least_rows (const GessoProduct *product);
/* Rows and values a row of the weight as it lies on the card. */
gint64 gesso_product_weight_rows (const GessoProduct *product);
gint64 gesso_product_weight_pitch (const GessoProduct *product);
gboolean gesso_launch_product (GessoLauncher *launcher, const GessoProduct *product, GError **error);

/* --- the same through cuBLASLt, with a launcher that has it --- */

/* Whether cuBLASLt computes just this: rows times rows with bias and residual, all in the type of values. Its GELU is
 * an approximation, and of the other activations it has none. */
gboolean gesso_product_lt_can (const GessoLauncher *launcher, const GessoProduct *product);
/* The algorithms that it thinks best, best first, in `ways` [n], and that also do for the shortest band; 0 of them
 * where it has none. */
gboolean gesso_product_lt_ways (GessoLauncher *launcher, const GessoProduct *product, GessoProductWay *ways, int n,
                                int *n_ways, GError **error);
/* Whether the product's way, which was kept, can still be gone: `usable`. */
gboolean gesso_product_lt_check (GessoLauncher *launcher, const GessoProduct *product, gboolean *usable,
                                 GError **error);
/* What gesso_launch_product () does with a product whose way is cuBLASLt's. */
gboolean gesso_launch_product_lt (GessoLauncher *launcher, const GessoProduct *product, GError **error);

/* --- attention --- */

/* How attention is cut: queries of a block, and of a warp of it. */
typedef struct
{
  int queries, warp_queries;
} GessoAttentionWay;

typedef struct
{
  CUdeviceptr q, k, v, result;
  gint64 pictures;
  GessoAttentionShape shape; /* scale without log2 (e): the launch puts it in */
  gboolean plain;            /* the kernel for any width, also where there is a faster one */
  GessoAttentionWay way;     /* as it was measured; zeros: by rule of thumb */
} GessoAttention;

/* Ways that may be worth measuring, the rule of thumb's first: at most GESSO_MAX_ATTENTION_WAYS of them. 0 where there
 * is one kernel for it alone. The result is the same to the bit. */
#define GESSO_MAX_ATTENTION_WAYS 3
int gesso_attention_ways (const GessoLauncher *launcher, const GessoAttention *attention, GessoAttentionWay *ways);
gboolean gesso_attention_way_equal (const GessoAttentionWay *a, const GessoAttentionWay *b);
gboolean gesso_launch_attention (GessoLauncher *launcher, const GessoAttention *attention, GError **error);

/* --- norms; `type`: of x and the result, F32 too --- */

/* Bytes of scratch for the sums of a group norm, and of many channels for its statistics. */
gsize gesso_group_norm_scratch (const GessoLauncher *launcher, gint64 pictures, gint64 rows, gint64 channels,
                                int groups);
/* GROUP_NORM (result of x's type, also in x's place), or with gamma 0 GROUP_STATISTICS (result F32 [pictures, groups,
 * 2]). */
gboolean gesso_launch_group_norm (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr gamma,
                                  CUdeviceptr beta, CUdeviceptr result, CUdeviceptr scratch, gint64 pictures,
                                  gint64 rows, gint64 channels, int groups, float eps, GessoActivation activation,
                                  GError **error);
/* What GROUP_NORM does after its statistics (F32 [pictures, groups, 2], of whole pictures) are known: also for a band
 * of rows of one picture. */
gboolean gesso_launch_group_normalise (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr statistics,
                                       CUdeviceptr gamma, CUdeviceptr beta, CUdeviceptr result, gint64 pictures,
                                       gint64 rows, gint64 channels, int groups, GessoActivation activation,
                                       GError **error);
gboolean gesso_launch_layer_norm (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr gamma,
                                  CUdeviceptr beta, CUdeviceptr result, gint64 rows, gint64 channels, float eps,
                                  GError **error);

/* --- value by value --- */

gboolean gesso_launch_activation (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr result, gint64 n,
                                  GessoActivation activation, GError **error);
/* x [rows][2 channels] */
gboolean gesso_launch_geglu (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr result, gint64 rows,
                             gint64 channels, GError **error);
/* `other` of x's type and shape; or, with `vector_length`, an F32 vector for each row */
gboolean gesso_launch_add (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr other,
                           CUdeviceptr result, gint64 n, gint64 vector_length, GError **error);
/* Between F32 and the launcher's type, either way. */
gboolean gesso_launch_cast (GessoLauncher *launcher, CUdeviceptr x, GessoDType from, CUdeviceptr result, GessoDType to,
                            gint64 n, GError **error);

/* One COMBINE of a chain of them. */
typedef struct
{
  int n_terms;
  CUdeviceptr terms[GESSO_COMBINE_TERMS];
  CUdeviceptr coefficients; /* F32 [n_terms] */
  CUdeviceptr result;
} GessoCombine;

/* How many of `stages` [n_stages], at least the first, one launch computes just as launches one after another would: a
 * result lies where nothing else does, or in the very place of another result or of a term. */
int gesso_combine_together (const GessoCombine *stages, int n_stages, GessoDType type, gint64 n);
/* `n` values of `type` each; as many stages as go together. */
gboolean gesso_launch_combine (GessoLauncher *launcher, GessoDType type, const GessoCombine *stages, int n_stages,
                               gint64 n, GError **error);

/* --- moving values; sizes in bytes --- */

gboolean gesso_launch_concat (GessoLauncher *launcher, CUdeviceptr a, gsize a_row, CUdeviceptr b, gsize b_row,
                              CUdeviceptr result, gint64 rows, GError **error);
gboolean gesso_launch_upsample (GessoLauncher *launcher, CUdeviceptr x, CUdeviceptr result, gint64 pictures,
                                gint64 height, gint64 width, gint64 out_height, gint64 out_width, gsize pixel,
                                GError **error);
gboolean gesso_launch_repeat (GessoLauncher *launcher, CUdeviceptr x, CUdeviceptr result, gsize bytes, int times,
                              GError **error);
/* ids I32 [rows]; table and positions of the launcher's type */
gboolean gesso_launch_embedding (GessoLauncher *launcher, CUdeviceptr ids, CUdeviceptr table, CUdeviceptr positions,
                                 CUdeviceptr result, gint64 rows, gint64 length, gint64 channels, gint64 vocabulary,
                                 GError **error);

/* --- to what people see; `type`: of x, F32 too --- */

/* x [n][channels] by colours F32 [3][channels + 1], an offset last, to 8-bit RGB [n][3] */
gboolean gesso_launch_pixels (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr colours,
                              CUdeviceptr result, gint64 n, gint64 channels, GError **error);
/* I32: 1 where all `n` values are finite numbers, else 0 */
gboolean gesso_launch_is_finite (GessoLauncher *launcher, GessoDType type, CUdeviceptr x, CUdeviceptr result, gint64 n,
                                 GError **error);
