// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// A look-alike of libcuda.so.1, and of libcublasLt.so.13 in the same library, on top of the emulation: enough of their
// interfaces for Gesso's CUDA backend, and stricter than the real ones. Work of a stream is done when the host waits
// for it and not before, so a result read or a buffer freed too early shows; device memory is a heap block of exactly
// the size asked for, full of NaN.
//
// Environment: GESSO_EMULATION_DEVICES=n           devices (1)
//              GESSO_EMULATION_CAPABILITY=8.6      compute capability
//              GESSO_EMULATION_MEMORY=8192         MiB of device memory
//              GESSO_EMULATION_PROCESSORS=28       multiprocessors
//              GESSO_EMULATION_DRIVER_VERSION=13000
//              GESSO_EMULATION_FAIL=n              the n-th call (counted from 1) fails
//              GESSO_EMULATION_FAIL_FOR_GOOD=1     and so do all after it, as on a lost device
//              GESSO_EMULATION_SLOWNESS=1          times what launches are pretended to take
// Processes that have the look-alike linked in may use the functions at the end instead.

#pragma once

// The names that programs are linked with, not those that cuda.h maps to them.
#include <cuda.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "emulation.h"

typedef std::function<void ()> Job;

struct CUgraph_st
{
  std::vector<Job> jobs;
  double milliseconds = 0.0; // that all of them are pretended to take
};

struct CUgraphExec_st
{
  const CUgraph_st graph;
};

struct CUstream_st
{
  std::deque<Job> jobs;
  uint64_t issued = 0, done = 0;
  double clock = 0.0; // milliseconds that all that was issued is pretended to take
  CUgraph capture = nullptr;
};

struct CUevent_st
{
  CUstream stream = nullptr; // NULL: never recorded
  uint64_t ticket = 0;       // done when the stream has done so many jobs
  double clock = 0.0;        // of the stream, when it was recorded
  bool has_time = false;
};

namespace driver
{

struct Settings
{
  int devices, major, minor, processors, version;
  size_t memory;
};
const Settings &settings ();
// Whether it is the one kind of card that has products of warpgroups.
bool has_warpgroups ();
// Bytes of shared memory that a block may ask for.
int most_shared ();

// Counts the call; the result is other than CUDA_SUCCESS where this one is to fail.
CUresult enter (const char *call);
// The same for calls that need a context.
CUresult enter_context (const char *call);
// Whether a failure for good has come: what is queued is never done.
bool is_lost ();
// Whether what is queued is never done, and nobody says so.
bool is_hung ();
void set_context (CUcontext context);

// A stream's own queue, or the null stream's.
CUstream stream_of (CUstream stream);
// Captures or queues. `milliseconds`: what it is pretended to take, the same every time.
void push (CUstream stream, Job job, double milliseconds = 0.0);
void drain (CUstream stream);
void drain_all ();
bool any_capture ();

// A device range as the host may use it; ends the process where it is none.
char *device_range (CUdeviceptr address, size_t bytes);

} // namespace driver

#define API extern "C" __attribute__ ((visibility ("default"))) CUresult CUDAAPI
#define ENTER()                                                                                                        \
  if (const CUresult result_ = driver::enter (__func__))                                                               \
  return result_
#define ENTER_CONTEXT()                                                                                                \
  if (const CUresult result_ = driver::enter_context (__func__))                                                       \
  return result_
// For calls that give something back: it is given back, whatever the result says.
#define ENTER_RELEASE() const CUresult result_ = driver::enter (__func__)
#define LEAVE_RELEASE() return result_

extern "C"
{
  // The n-th call from now on fails (0: none), and with `for_good` all after it.
  __attribute__ ((visibility ("default"))) void gesso_emulation_fail (unsigned n, int for_good);
  // Every call whose name begins with `call` is refused with `result`, and nothing else fails (NULL: none is); and how
  // many were.
  __attribute__ ((visibility ("default"))) void gesso_emulation_refuse (const char *call, int result);
  __attribute__ ((visibility ("default"))) unsigned gesso_emulation_refused (void);
  // Calls so far. The name of the one that was made to fail, or of the one that came so many calls later, or NULL; and
  // whether it came while a stream was captured.
  __attribute__ ((visibility ("default"))) unsigned gesso_emulation_calls (void);
  __attribute__ ((visibility ("default"))) const char *gesso_emulation_failed_call (unsigned after);
  __attribute__ ((visibility ("default"))) int gesso_emulation_failed_in_capture (void);
  // How often a kernel of that name was launched, or recorded to be.
  __attribute__ ((visibility ("default"))) unsigned gesso_emulation_launched (const char *kernel);
  // From now on no job ends, as on a card that is stuck: what asks is told so, and what would wait ends the process.
  __attribute__ ((visibility ("default"))) void gesso_emulation_hang (int on);
  // Streams, events, modules, graphs, contexts, device and pinned memory that are not given back.
  __attribute__ ((visibility ("default"))) int gesso_emulation_leaks (void);
}

namespace driver
{
void count_live (int change);
}
