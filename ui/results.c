/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "results.h"

#include <glib/gi18n-lib.h>

#include "result-item.h"

#define WHEEL_STEP 48

struct _GessoResults
{
  GtkBox parent_instance;
  GtkWidget *scroller;
  GtkWidget *strip;
  GPtrArray *items;       /* of GessoResultItem, in their order; the strip's */
  GessoPicture *selected; /* what "selected" has told last */
  gboolean reveal;        /* the selected item is not in sight yet: it has no place so far */
};

G_DEFINE_FINAL_TYPE (GessoResults, gesso_results, GTK_TYPE_BOX)

enum
{
  PROP_N_KEPT = 1,
  N_PROPERTIES
};

enum
{
  SELECTED,
  KEPT_CHANGED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

static GessoResultItem *
selected_item (GessoResults *self)
{
  g_autoptr (GList) children = NULL;

  if (self->strip)
    children = gtk_flow_box_get_selected_children (GTK_FLOW_BOX (self->strip));
  return children ? children->data : NULL;
}

static void
kept_changed (GessoResults *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_KEPT]);
  g_signal_emit (self, signals[KEPT_CHANGED], 0);
}

static void
on_selection_changed (GtkFlowBox *strip, GessoResults *self)
{
  GessoPicture *picture = gesso_results_get_selected (self);

  if (picture == self->selected)
    return;
  self->selected = picture;
  g_signal_emit (self, signals[SELECTED], 0, picture);
}

static void
toggle (GessoResultItem *item)
{
  gesso_result_item_set_kept (item, !gesso_result_item_get_kept (item));
}

static void
on_double_click (GtkFlowBox *strip, GtkFlowBoxChild *child, GessoResults *self)
{
  toggle (GESSO_RESULT_ITEM (child));
}

/* The strip's own keys start from where its cursor is, which does not follow a selection from elsewhere. */
static gboolean
on_key (GtkWidget *item, GdkEventKey *event, GessoResults *self)
{
  int forwards = gtk_widget_get_direction (item) == GTK_TEXT_DIR_RTL ? -1 : 1;
  int last = (int) self->items->len - 1;
  guint index;
  int target;

  if (event->state & gtk_accelerator_get_default_mod_mask () || !g_ptr_array_find (self->items, item, &index))
    return GDK_EVENT_PROPAGATE;
  switch (event->keyval)
    {
    case GDK_KEY_space:
    case GDK_KEY_KP_Space:
    case GDK_KEY_Return:
    case GDK_KEY_KP_Enter:
    case GDK_KEY_ISO_Enter:
      toggle (GESSO_RESULT_ITEM (item));
      return GDK_EVENT_STOP;
    case GDK_KEY_Left:
    case GDK_KEY_KP_Left:
      target = (int) index - forwards;
      break;
    case GDK_KEY_Right:
    case GDK_KEY_KP_Right:
      target = (int) index + forwards;
      break;
    case GDK_KEY_Home:
    case GDK_KEY_KP_Home:
      target = 0;
      break;
    case GDK_KEY_End:
    case GDK_KEY_KP_End:
      target = last;
      break;
    default:
      return GDK_EVENT_PROPAGATE;
    }
  if (target < 0 || target > last)
    gtk_widget_error_bell (item);
  else
    gtk_widget_grab_focus (g_ptr_array_index (self->items, target));
  return GDK_EVENT_STOP;
}

static void
reveal_selected (GtkWidget *strip, GtkAllocation *allocation, GessoResults *self)
{
  GtkAdjustment *adjustment = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (self->scroller));
  GessoResultItem *item = selected_item (self);
  GtkAllocation place;

  if (!self->reveal || !item)
    return;
  self->reveal = FALSE;
  gtk_widget_get_allocation (GTK_WIDGET (item), &place);
  gtk_adjustment_clamp_page (adjustment, place.x, place.x + place.width);
}

/* The strip has one direction only: a plain wheel moves along it. */
static gboolean
on_scroll (GtkWidget *scroller, GdkEventScroll *event, GessoResults *self)
{
  GtkAdjustment *adjustment = gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (scroller));
  gboolean mirrored = gtk_widget_get_direction (scroller) == GTK_TEXT_DIR_RTL;
  double step;

  if (gtk_adjustment_get_upper (adjustment) <= gtk_adjustment_get_page_size (adjustment))
    return GDK_EVENT_PROPAGATE;
  if (event->direction == GDK_SCROLL_UP)
    step = -WHEEL_STEP;
  else if (event->direction == GDK_SCROLL_DOWN)
    step = WHEEL_STEP;
  else if (event->direction == GDK_SCROLL_SMOOTH && event->delta_x == 0)
    step = event->delta_y * WHEEL_STEP;
  else
    return GDK_EVENT_PROPAGATE;
  gtk_adjustment_set_value (adjustment, gtk_adjustment_get_value (adjustment) + (mirrored ? -step : step));
  return GDK_EVENT_STOP;
}

static void
gesso_results_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_N_KEPT)
    g_value_set_int (value, gesso_results_get_n_kept (GESSO_RESULTS (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gesso_results_dispose (GObject *object)
{
  GessoResults *self = GESSO_RESULTS (object);

  /* What is torn down selects nothing any more. */
  if (self->strip)
    g_signal_handlers_disconnect_by_data (self->strip, self);
  self->strip = NULL;
  g_ptr_array_set_size (self->items, 0);
  G_OBJECT_CLASS (gesso_results_parent_class)->dispose (object);
}

static void
gesso_results_finalize (GObject *object)
{
  g_ptr_array_unref (GESSO_RESULTS (object)->items);
  G_OBJECT_CLASS (gesso_results_parent_class)->finalize (object);
}

static void
gesso_results_class_init (GessoResultsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->get_property = gesso_results_get_property;
  object_class->dispose = gesso_results_dispose;
  object_class->finalize = gesso_results_finalize;
  properties[PROP_N_KEPT] = g_param_spec_int ("n-kept", NULL, NULL, 0, G_MAXINT, 0,
                                              G_PARAM_READABLE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
  signals[SELECTED]
      = g_signal_new ("selected", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, GESSO_TYPE_PICTURE);
  signals[KEPT_CHANGED] = g_signal_new ("kept-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
gesso_results_init (GessoResults *self)
{
  GtkWidget *viewport;

  self->items = g_ptr_array_new ();
  self->strip = gtk_flow_box_new ();
  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (self->strip), GTK_SELECTION_BROWSE);
  gtk_flow_box_set_activate_on_single_click (GTK_FLOW_BOX (self->strip), FALSE);
  gtk_flow_box_set_homogeneous (GTK_FLOW_BOX (self->strip), TRUE);
  gtk_widget_set_halign (self->strip, GTK_ALIGN_START);
  gtk_widget_set_valign (self->strip, GTK_ALIGN_START);
  atk_object_set_name (gtk_widget_get_accessible (self->strip), _ ("Results"));
  g_signal_connect (self->strip, "selected-children-changed", G_CALLBACK (on_selection_changed), self);
  g_signal_connect (self->strip, "child-activated", G_CALLBACK (on_double_click), self);
  g_signal_connect_after (self->strip, "size-allocate", G_CALLBACK (reveal_selected), self);

  self->scroller = gtk_scrolled_window_new (NULL, NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (self->scroller), GTK_POLICY_AUTOMATIC, GTK_POLICY_NEVER);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (self->scroller), TRUE);
  gtk_container_add (GTK_CONTAINER (self->scroller), self->strip);
  viewport = gtk_bin_get_child (GTK_BIN (self->scroller));
  gtk_viewport_set_shadow_type (GTK_VIEWPORT (viewport), GTK_SHADOW_NONE);
  gtk_container_set_focus_hadjustment (GTK_CONTAINER (self->strip),
                                       gtk_scrolled_window_get_hadjustment (GTK_SCROLLED_WINDOW (self->scroller)));
  g_signal_connect (self->scroller, "scroll-event", G_CALLBACK (on_scroll), self);
  gtk_box_pack_start (GTK_BOX (self), self->scroller, TRUE, TRUE, 0);
  gtk_widget_show_all (self->scroller);
}

GtkWidget *
gesso_results_new (void)
{
  return g_object_new (GESSO_TYPE_RESULTS, NULL);
}

void
gesso_results_add (GessoResults *self, GessoResult *result, gboolean keep)
{
  GtkFlowBox *strip;
  GessoResultItem *selected;
  gboolean at_end;
  GtkWidget *item;

  g_return_if_fail (GESSO_IS_RESULTS (self) && result);
  strip = GTK_FLOW_BOX (self->strip);
  selected = selected_item (self);
  at_end = !selected || selected == g_ptr_array_index (self->items, self->items->len - 1);
  item = gesso_result_item_new (result, (int) self->items->len + 1, keep);
  g_signal_connect_swapped (item, "notify::kept", G_CALLBACK (kept_changed), self);
  g_signal_connect (item, "key-press-event", G_CALLBACK (on_key), self);
  g_ptr_array_add (self->items, item);
  /* All in one row. */
  gtk_flow_box_set_max_children_per_line (strip, self->items->len);
  gtk_flow_box_set_min_children_per_line (strip, self->items->len);
  gtk_flow_box_insert (strip, item, -1);
  if (keep)
    kept_changed (self);
  if (at_end)
    {
      self->reveal = TRUE;
      gtk_flow_box_select_child (strip, GTK_FLOW_BOX_CHILD (item));
    }
}

void
gesso_results_clear (GessoResults *self)
{
  g_autoptr (GPtrArray) items = NULL;
  int n_kept;

  g_return_if_fail (GESSO_IS_RESULTS (self));
  n_kept = gesso_results_get_n_kept (self);
  items = g_steal_pointer (&self->items);
  self->items = g_ptr_array_new ();
  for (guint i = 0; i < items->len; i++)
    gtk_widget_destroy (g_ptr_array_index (items, i));
  on_selection_changed (GTK_FLOW_BOX (self->strip), self);
  if (n_kept)
    kept_changed (self);
}

GessoPicture *
gesso_results_get_selected (GessoResults *self)
{
  GessoResultItem *item;

  g_return_val_if_fail (GESSO_IS_RESULTS (self), NULL);
  item = selected_item (self);
  return item ? gesso_result_item_get_result (item)->picture : NULL;
}

int
gesso_results_get_n_kept (GessoResults *self)
{
  int n = 0;

  g_return_val_if_fail (GESSO_IS_RESULTS (self), 0);
  for (guint i = 0; i < self->items->len; i++)
    n += gesso_result_item_get_kept (g_ptr_array_index (self->items, i));
  return n;
}

GPtrArray *
gesso_results_get_kept (GessoResults *self)
{
  GPtrArray *kept;

  g_return_val_if_fail (GESSO_IS_RESULTS (self), NULL);
  kept = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_result_free);
  for (guint i = 0; i < self->items->len; i++)
    if (gesso_result_item_get_kept (g_ptr_array_index (self->items, i)))
      g_ptr_array_add (kept, gesso_result_copy (gesso_result_item_get_result (g_ptr_array_index (self->items, i))));
  return kept;
}
