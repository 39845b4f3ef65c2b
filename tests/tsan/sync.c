/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tells ThreadSanitizer how GLib and OpenMP synchronise. Both are built without it and use futexes of their own, so
 * that every hand-over through a GMutex, a GCond or the end of a parallel region would look like a race. Preloaded;
 * each function does what it is called after and says what it orders. So suppressions need not hide anything.
 */

#include <dlfcn.h>
#include <glib.h>
#include <glib-object.h>

/* Of the sanitizer's runtime; not there in a program without it, such as the test runner. */
extern void __tsan_acquire (void *address) __attribute__ ((weak));
extern void __tsan_release (void *address) __attribute__ ((weak));

static void
acquire (void *address)
{
  if (__tsan_acquire)
    __tsan_acquire (address);
}

static void
release (void *address)
{
  if (__tsan_release)
    __tsan_release (address);
}

/* The function that this one stands before. */
#define NEXT(name)                                                                                                     \
  static __typeof__ (name) *next;                                                                                      \
  if (!__atomic_load_n (&next, __ATOMIC_RELAXED))                                                                      \
  __atomic_store_n (&next, (__typeof__ (name) *) dlsym (RTLD_NEXT, #name), __ATOMIC_RELAXED)

#undef g_once_init_leave

void
g_mutex_lock (GMutex *mutex)
{
  NEXT (g_mutex_lock);
  next (mutex);
  acquire (mutex);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  gboolean locked;
  NEXT (g_mutex_trylock);

  locked = next (mutex);
  if (locked)
    acquire (mutex);
  return locked;
}

void
g_mutex_unlock (GMutex *mutex)
{
  NEXT (g_mutex_unlock);
  release (mutex);
  next (mutex);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  NEXT (g_cond_wait);
  release (mutex);
  next (cond, mutex);
  acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean signalled;
  NEXT (g_cond_wait_until);

  release (mutex);
  signalled = next (cond, mutex, end_time);
  acquire (mutex);
  return signalled;
}

void
g_once_init_leave (volatile void *location, gsize result)
{
  NEXT (g_once_init_leave);
  release ((void *) location);
  next (location, result);
}

/* The last reference is given up after everything that was done with the others. */
void
g_object_unref (gpointer object)
{
  NEXT (g_object_unref);
  release (object);
  acquire (object);
  next (object);
}

/* libgomp: a parallel region begins after what came before it, and what follows comes after all of it. */
typedef struct
{
  void (*func) (void *data);
  void *data;
} Region;

typedef void RegionFunc (void *data);

void GOMP_parallel (RegionFunc *func, void *data, unsigned n_threads, unsigned flags);
void GOMP_barrier (void);

static char barrier;

static void
run_region (void *data)
{
  Region *region = data;

  acquire (&region->func);
  region->func (region->data);
  release (&region->data);
}

void
GOMP_parallel (RegionFunc *func, void *data, unsigned n_threads, unsigned flags)
{
  Region region = { func, data };
  NEXT (GOMP_parallel);

  release (&region.func);
  next (run_region, &region, n_threads, flags);
  acquire (&region.data);
}

void
GOMP_barrier (void)
{
  NEXT (GOMP_barrier);
  release (&barrier);
  next ();
  acquire (&barrier);
}
