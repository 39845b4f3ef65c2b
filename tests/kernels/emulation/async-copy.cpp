// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Asynchronous copies: late ones fill their destination with NaN and are carried out when they are waited for; with a
// seed, some are carried out at once.

#include "machine.h"

namespace emulation
{

static const size_t copy_bytes = 16;

static void
carry_out (const Copy &copy)
{
  if (copy.source)
    memcpy (copy.shared, copy.source, copy_bytes);
  else
    memset (copy.shared, 0, copy_bytes);
  race_write (copy.shared, copy_bytes);
  warpgroup_note_copy (copy, true);
}

void
copy_async (void *shared, const void *source)
{
  Copy copy = { shared, source, current->group, -1, 0 };

  statistics.copies++;
  if (((uintptr_t) shared | (uintptr_t) source) % copy_bytes)
    fail ("an asynchronous copy is not aligned to %zu bytes", copy_bytes);
  copy.array = find_shared (shared, &copy.offset);
  if (copy.array < 0)
    fail ("an asynchronous copy does not go to shared memory");
  race_write (shared, copy_bytes);
  if (seed && random_number () & 1)
    {
      carry_out (copy);
      return;
    }
  memset (shared, 0xff, copy_bytes);
  warpgroup_note_copy (copy, false);
  current->copies.push_back (copy);
}

void
copy_commit ()
{
  current->group++;
}

void
copy_wait (unsigned pending)
{
  std::vector<Copy> &copies = current->copies;
  size_t done = 0;

  while (done < copies.size () && copies[done].group + pending < current->group)
    carry_out (copies[done++]);
  copies.erase (copies.begin (), copies.begin () + (std::ptrdiff_t) done);
}

} // namespace emulation
