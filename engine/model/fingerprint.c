/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "fingerprint.h"
#include "platform-file.h"
#include "weights-table.h"

#include <string.h>

#define WHOLE_SIZE (G_GUINT64_CONSTANT (8) << 20) /* files below it are read whole */
#define PIECE (64 * 1024)
#define N_SAMPLES 64 /* the first and the last piece of a file among them */

#define WHOLE_TOKENIZER "tokenizer/tokenizer.json"

/* Of the tokenizer either vocab.json and merges.txt must be there, or tokenizer.json. */
static const struct
{
  const char *name;
  enum
  {
    NEEDED,
    NEEDED_WITHOUT_WHOLE,
    OPTIONAL
  } need;
} config_files[] = {
  { "model_index.json", NEEDED },
  { "scheduler/scheduler_config.json", NEEDED },
  { "text_encoder/config.json", NEEDED },
  { "tokenizer/added_tokens.json", OPTIONAL },
  { "tokenizer/merges.txt", NEEDED_WITHOUT_WHOLE },
  { "tokenizer/special_tokens_map.json", OPTIONAL },
  { WHOLE_TOKENIZER, OPTIONAL },
  { "tokenizer/tokenizer_config.json", OPTIONAL },
  { "tokenizer/vocab.json", NEEDED_WITHOUT_WHOLE },
  { "unet/config.json", NEEDED },
};

static gboolean
add_piece (GChecksum *sum, GessoFile *file, guint64 offset, gsize count, guint8 *buffer, GError **error)
{
  if (!gesso_file_read (file, offset, count, buffer, error))
    return FALSE;
  g_checksum_update (sum, buffer, (gssize) count);
  return TRUE;
}

/* `label` tells the files of a model apart, so that none can stand in for another. */
static gboolean
add_file (GChecksum *sum, const char *label, GessoFile *file, GError **error)
{
  const guint64 size = gesso_file_size (file), last = size - MIN (size, PIECE);
  const guint64 n_pieces = size < WHOLE_SIZE ? (size + PIECE - 1) / PIECE : N_SAMPLES;
  g_autofree char *heading = g_strdup_printf ("%s %" G_GUINT64_FORMAT "\n", label, size);
  g_autofree guint8 *buffer = g_malloc (PIECE);

  g_checksum_update (sum, (const guint8 *) heading, -1);
  for (guint64 i = 0; i < n_pieces; i++)
    {
      /* In steps that cannot overflow: last is at least 64 times as large as the remainder's factor. */
      guint64 offset
          = size < WHOLE_SIZE ? i * PIECE : last / (N_SAMPLES - 1) * i + last % (N_SAMPLES - 1) * i / (N_SAMPLES - 1);

      if (!add_piece (sum, file, offset, (gsize) MIN (size - offset, PIECE), buffer, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add_weights (GChecksum *sum, const char *part, const GessoWeights *weights, GError **error)
{
  GessoFile *file;

  for (guint i = 0; (file = gesso_weights_file (weights, i)); i++)
    {
      g_autofree char *label = i ? g_strdup_printf ("%s %u", part, i) : g_strdup (part);

      if (!add_file (sum, label, file, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_there (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static gboolean
add_config (GChecksum *sum, const char *folder, const char *name, gboolean needed, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GessoFile) file = NULL;

  if (!needed && !is_there (folder, name))
    return TRUE;
  file = gesso_file_open (path, error);
  return file && add_file (sum, name, file, error);
}

static gboolean
add_vae (GChecksum *sum, const GessoModel *model, GError **error)
{
  return add_config (sum, model->folder, "vae/config.json", TRUE, error)
         && add_weights (sum, "vae", model->vae_weights, error);
}

char *
gesso_model_fingerprint (const GessoModel *model, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  const gboolean has_whole = is_there (model->folder, WHOLE_TOKENIZER);

  for (gsize i = 0; i < G_N_ELEMENTS (config_files); i++)
    if (!add_config (sum, model->folder, config_files[i].name,
                     config_files[i].need == NEEDED || (config_files[i].need == NEEDED_WITHOUT_WHOLE && !has_whole),
                     error))
      return NULL;
  if (!add_weights (sum, "text_encoder", model->text_weights, error)
      || !add_weights (sum, "unet", model->unet_weights, error) || !add_vae (sum, model, error))
    return NULL;
  return g_strdup (g_checksum_get_string (sum));
}

char *
gesso_vae_fingerprint (const GessoModel *model, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  return add_vae (sum, model, error) ? g_strdup (g_checksum_get_string (sum)) : NULL;
}
