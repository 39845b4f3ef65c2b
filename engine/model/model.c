/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Opens a model folder: every file by its reader, then what must fit between the parts.
 */

#include "model.h"
#include "configs.h"
#include "../cancel.h"
#include "model-index.h"
#include "names.h"
#include "variants.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* For people: the folder's name. In Hugging Face's cache that is a hash, .../models--OWNER--NAME/snapshots/HASH, and
 * NAME says more. */
static char *
display_name (const char *folder)
{
  g_autofree char *whole = g_canonicalize_filename (folder, NULL);
  g_autofree char *parent = g_path_get_dirname (whole);
  g_autofree char *parent_name = g_path_get_basename (parent);
  g_autofree char *above = g_path_get_dirname (parent);
  g_autofree char *repository = g_path_get_basename (above);
  const char *name = NULL;

  if (strcmp (parent_name, "snapshots") == 0 && g_str_has_prefix (repository, "models--"))
    name = g_strrstr (repository, "--") + 2;
  return name && *name ? g_filename_display_name (name) : g_filename_display_basename (whole);
}

static gboolean
read_configs (GessoModel *model, const char *scheduler_class, GCancellable *cancellable, GError **error)
{
  g_autofree char *text = g_build_filename (model->folder, "text_encoder", "config.json", NULL);
  g_autofree char *unet = g_build_filename (model->folder, "unet", "config.json", NULL);
  g_autofree char *vae = g_build_filename (model->folder, "vae", "config.json", NULL);
  g_autofree char *scheduler = g_build_filename (model->folder, "scheduler", "scheduler_config.json", NULL);

  if (!gesso_text_config_read (text, cancellable, &model->text, error)
      || !gesso_unet_config_read (unet, cancellable, &model->unet, error)
      || !gesso_vae_config_read (vae, cancellable, &model->vae, error)
      || !gesso_scheduler_config_read (scheduler, scheduler_class, cancellable, &model->scheduler, error))
    return FALSE;
  if (!model->scheduler.is_pndm)
    g_ptr_array_add (model->notices, g_strdup_printf (_ ("The folder asks for %s; PNDM takes its place."),
                                                      model->scheduler.class_name));
  return TRUE;
}

static gboolean
open_weights (GessoModel *model, GCancellable *cancellable, GError **error)
{
  g_autofree char *text = g_build_filename (model->folder, "text_encoder", NULL);
  g_autofree char *unet = g_build_filename (model->folder, "unet", NULL);
  g_autofree char *vae = g_build_filename (model->folder, "vae", NULL);

  model->text_weights = gesso_variants_open (text, TRUE, cancellable, error);
  if (!model->text_weights)
    return FALSE;
  model->unet_weights = gesso_variants_open (unet, FALSE, cancellable, error);
  if (!model->unet_weights)
    return FALSE;
  model->vae_weights = gesso_variants_open (vae, FALSE, cancellable, error);
  if (!model->vae_weights)
    return FALSE;
  gesso_names_text (model->text_weights);
  gesso_names_unet (model->unet_weights, &model->unet);
  gesso_names_vae (model->vae_weights);
  return TRUE;
}

/* A number of one part that must be `relation` ("equal to", "at most") a number of another. */
static gboolean
check_fit (const GessoModel *model, gboolean fits, const char *what, int value, const char *other, int other_value,
           GError **error)
{
  if (fits)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("The parts of %s do not fit one another: %s is %d, but %s is %d. Download the model again."),
               model->folder, what, value, other, other_value);
  return FALSE;
}

/* A U-Net that is also given a picture, a mask or an edge map has more channels than the latents have. */
static gboolean
check_latents (const GessoModel *model, GError **error)
{
  if (model->unet.in_channels <= model->vae.latent_channels)
    return TRUE;
  g_set_error (
      error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
      _ ("%s/unet/config.json: the value %d of \"in_channels\" is not supported where the VAE has %d channels: "
         "this is a model that changes pictures or fills gaps in them. Choose one that paints from text "
         "alone."),
      model->folder, model->unet.in_channels, model->vae.latent_channels);
  return FALSE;
}

static gboolean
check_parts (const GessoModel *model, GError **error)
{
  const int length = gesso_tokenizer_length (model->tokenizer);
  const int max_id = gesso_tokenizer_max_id (model->tokenizer);
  const GessoTextConfig *text = &model->text;
  const GessoUnetConfig *unet = &model->unet;
  const GessoVaeConfig *vae = &model->vae;

  return check_fit (model, length <= text->max_position_embeddings, _ ("the length of the tokenizer's output"), length,
                    _ ("the text encoder's \"max_position_embeddings\""), text->max_position_embeddings, error)
         && check_fit (model, max_id < text->vocab_size, _ ("the tokenizer's largest id"), max_id,
                       _ ("the text encoder's \"vocab_size\""), text->vocab_size, error)
         && check_fit (model, text->hidden_size == unet->cross_attention_dim, _ ("the text encoder's \"hidden_size\""),
                       text->hidden_size, _ ("the U-Net's \"cross_attention_dim\""), unet->cross_attention_dim, error)
         && check_latents (model, error)
         && check_fit (model, unet->in_channels == vae->latent_channels, _ ("the U-Net's \"in_channels\""),
                       unet->in_channels, _ ("the VAE's \"latent_channels\""), vae->latent_channels, error)
         && check_fit (model, unet->out_channels == vae->latent_channels, _ ("the U-Net's \"out_channels\""),
                       unet->out_channels, _ ("the VAE's \"latent_channels\""), vae->latent_channels, error);
}

GessoModel *
gesso_model_open (const char *folder, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoModel) model = g_new0 (GessoModel, 1);
  g_autofree char *scheduler_class = NULL;
  g_autofree char *tokenizer = g_build_filename (folder, "tokenizer", NULL);

  model->folder = g_strdup (folder);
  model->name = display_name (folder);
  model->notices = g_ptr_array_new_with_free_func (g_free);
  if (gesso_is_cancelled (cancellable, error)
      || !gesso_model_index_read (folder, cancellable, &scheduler_class, model->notices, error)
      || !read_configs (model, scheduler_class, cancellable, error))
    return NULL;
  model->tokenizer = gesso_tokenizer_open (tokenizer, cancellable, error);
  if (!model->tokenizer || !check_parts (model, error) || !open_weights (model, cancellable, error))
    return NULL;
  return g_steal_pointer (&model);
}

void
gesso_model_free (GessoModel *model)
{
  if (!model)
    return;
  gesso_weights_free (model->text_weights);
  gesso_weights_free (model->unet_weights);
  gesso_weights_free (model->vae_weights);
  gesso_tokenizer_free (model->tokenizer);
  gesso_scheduler_config_clear (&model->scheduler);
  g_clear_pointer (&model->notices, g_ptr_array_unref);
  g_free (model->folder);
  g_free (model->name);
  g_free (model);
}

int
gesso_model_vae_factor (const GessoModel *model)
{
  return 1 << (model->vae.n_levels - 1);
}
