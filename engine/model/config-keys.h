/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keys of the configuration files, as a table, and the reading of a file by it.
 */

#pragma once

#include "json.h"

typedef enum
{
  GESSO_KEY_INT,           /* int field */
  GESSO_KEY_REAL,          /* double field */
  GESSO_KEY_BOOL,          /* gboolean field; null is FALSE */
  GESSO_KEY_CHOICE,        /* int (enum) field: one of `choices` */
  GESSO_KEY_LEVELS,        /* int [GESSO_MAX_LEVELS] field: a list, whose length becomes the number of levels */
  GESSO_KEY_LEVEL_INTS,    /* int [GESSO_MAX_LEVELS] field: one int for all levels, or a list of one for each */
  GESSO_KEY_LEVEL_CHOICES, /* gboolean [GESSO_MAX_LEVELS] field (or none): a list of one of `choices` for each level */
  GESSO_KEY_SAME_INT,      /* int field: one int, or a list of equal ones, one for each level */
  GESSO_KEY_SIZE,          /* two int fields, height and width: one int, [height, width], or null */
  GESSO_KEY_FIXED,         /* no field: any value but the default, or `also`, is refused; null may stand for false */
  GESSO_KEY_EACH_FIXED,    /* the same, or a list of such values */
  GESSO_KEY_OWN,           /* read by the part's own code */
} GessoKeyKind;

/* The field is there, but the engine has no such field: only to be checked. */
#define GESSO_NO_FIELD G_MAXSIZE

typedef struct
{
  const char *name; /* NULL ends a list */
  int value;
} GessoKeyChoice;

/* The name that stands for null among choices. */
#define GESSO_CHOICE_NULL "null"

typedef struct
{
  const char *key;
  GessoKeyKind kind;
  const char *fallback; /* what diffusers (transformers) takes when the key is absent, as JSON */
  gsize field;          /* offset in the part's struct */
  double min, max;      /* of numbers */
  const GessoKeyChoice *choices;
  gboolean ignore_case; /* of choices */
  const char *also;     /* FIXED: another harmless value, as JSON */
} GessoConfigKey;

typedef struct
{
  const GessoConfigKey *keys; /* a NULL key ends it */
  gsize n_levels;             /* offset of the number of levels; GESSO_NO_FIELD: no such */
} GessoConfigTable;

extern const GessoConfigTable gesso_text_keys;
extern const GessoConfigTable gesso_unet_keys;
extern const GessoConfigTable gesso_vae_keys;
extern const GessoConfigTable gesso_scheduler_keys;

/* Reads every key of `table` from `object` into `config`. `path` is for messages. */
gboolean gesso_config_read (const char *path, JsonObject *object, const GessoConfigTable *table, gpointer config,
                            GError **error);

/* MODEL_INVALID: "PATH: the value VALUE of "KEY" WHAT." Always FALSE. */
gboolean gesso_config_refuse (const char *path, const char *key, JsonNode *value, const char *what, GError **error);
/* The same for a key whose value is an int of the config. */
gboolean gesso_config_refuse_int (const char *path, const char *key, int value, const char *what, GError **error);
