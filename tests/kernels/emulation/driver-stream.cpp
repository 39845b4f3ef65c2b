// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The look-alike's streams, events and graphs. A job runs when something waits for it, or one at each query.

#include "driver.h"

#include <algorithm>

static CUstream_st null_stream;
static std::vector<CUstream> streams;

CUstream
driver::stream_of (CUstream stream)
{
  return stream ? stream : &null_stream;
}

void
driver::push (CUstream stream, Job job, double milliseconds)
{
  const char *slowness = getenv ("GESSO_EMULATION_SLOWNESS");

  stream = stream_of (stream);
  milliseconds *= slowness ? atof (slowness) : 1.0;
  if (stream->capture)
    {
      stream->capture->jobs.push_back (std::move (job));
      stream->capture->milliseconds += milliseconds;
      return;
    }
  stream->jobs.push_back (std::move (job));
  stream->issued++;
  stream->clock += milliseconds;
}

static void
do_one (CUstream stream)
{
  const Job job = std::move (stream->jobs.front ());

  if (driver::is_hung ())
    emulation::fail ("a call waits for a card that never answers");
  stream->jobs.pop_front ();
  if (!driver::is_lost ())
    job ();
  stream->done++;
}

static void
drain_to (CUstream stream, uint64_t ticket)
{
  while (stream->done < ticket)
    do_one (stream);
}

void
driver::drain (CUstream stream)
{
  stream = stream_of (stream);
  drain_to (stream, stream->issued);
}

void
driver::drain_all ()
{
  for (CUstream stream : streams)
    drain (stream);
  drain (nullptr);
}

bool
driver::any_capture ()
{
  return std::any_of (streams.begin (), streams.end (), [] (CUstream stream) { return stream->capture; });
}

API
cuStreamCreate (CUstream *stream, unsigned)
{
  ENTER_CONTEXT ();
  *stream = new CUstream_st;
  streams.push_back (*stream);
  driver::count_live (1);
  return CUDA_SUCCESS;
}

API
cuStreamDestroy (CUstream stream)
{
  ENTER_RELEASE ();
  driver::drain (stream);
  streams.erase (std::find (streams.begin (), streams.end (), stream));
  delete stream->capture;
  delete stream;
  driver::count_live (-1);
  LEAVE_RELEASE ();
}

API
cuStreamSynchronize (CUstream stream)
{
  ENTER_CONTEXT ();
  if (driver::stream_of (stream)->capture)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  driver::drain (stream);
  return CUDA_SUCCESS;
}

API
cuStreamQuery (CUstream stream)
{
  ENTER_CONTEXT ();
  stream = driver::stream_of (stream);
  if (stream->jobs.empty ())
    return CUDA_SUCCESS;
  if (!driver::is_hung ())
    do_one (stream);
  return CUDA_ERROR_NOT_READY;
}

API
cuEventCreate (CUevent *event, unsigned flags)
{
  ENTER_CONTEXT ();
  *event = new CUevent_st;
  (*event)->has_time = !(flags & CU_EVENT_DISABLE_TIMING);
  driver::count_live (1);
  return CUDA_SUCCESS;
}

API
cuEventDestroy (CUevent event)
{
  ENTER_RELEASE ();
  delete event;
  driver::count_live (-1);
  LEAVE_RELEASE ();
}

API
cuEventRecord (CUevent event, CUstream stream)
{
  ENTER_CONTEXT ();
  event->stream = driver::stream_of (stream);
  if (event->stream->capture)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  event->ticket = event->stream->issued;
  event->clock = event->stream->clock;
  return CUDA_SUCCESS;
}

API
cuEventQuery (CUevent event)
{
  ENTER_CONTEXT ();
  if (!event->stream || event->stream->done >= event->ticket)
    return CUDA_SUCCESS;
  if (!driver::is_hung ())
    do_one (event->stream);
  return CUDA_ERROR_NOT_READY;
}

API
cuEventSynchronize (CUevent event)
{
  ENTER_CONTEXT ();
  if (event->stream)
    drain_to (event->stream, event->ticket);
  return CUDA_SUCCESS;
}

// No time passes here that would mean anything: what was launched between them counts.
API
cuEventElapsedTime (float *milliseconds, CUevent start, CUevent stop)
{
  ENTER_CONTEXT ();
  if (!start->has_time || !stop->has_time || !start->stream || start->stream != stop->stream)
    return CUDA_ERROR_INVALID_HANDLE;
  if (stop->stream->done < stop->ticket)
    return CUDA_ERROR_NOT_READY;
  *milliseconds = (float) (stop->clock - start->clock);
  return CUDA_SUCCESS;
}

API
cuStreamBeginCapture (CUstream stream, CUstreamCaptureMode)
{
  ENTER_CONTEXT ();
  if (!stream || stream->capture)
    return CUDA_ERROR_ILLEGAL_STATE;
  stream->capture = new CUgraph_st;
  return CUDA_SUCCESS;
}

API
cuStreamEndCapture (CUstream stream, CUgraph *graph)
{
  ENTER_CONTEXT ();
  if (!stream->capture)
    return CUDA_ERROR_ILLEGAL_STATE;
  *graph = stream->capture;
  stream->capture = nullptr;
  driver::count_live (1);
  return CUDA_SUCCESS;
}

API
cuGraphInstantiate (CUgraphExec *program, CUgraph graph, unsigned long long)
{
  ENTER_CONTEXT ();
  *program = new CUgraphExec_st{ *graph };
  driver::count_live (1);
  return CUDA_SUCCESS;
}

API
cuGraphLaunch (CUgraphExec program, CUstream stream)
{
  ENTER_CONTEXT ();
  for (const Job &job : program->graph.jobs)
    driver::push (stream, job);
  driver::stream_of (stream)->clock += program->graph.milliseconds;
  return CUDA_SUCCESS;
}

API
cuGraphDestroy (CUgraph graph)
{
  ENTER_RELEASE ();
  delete graph;
  driver::count_live (-1);
  LEAVE_RELEASE ();
}

API
cuGraphExecDestroy (CUgraphExec program)
{
  ENTER_RELEASE ();
  delete program;
  driver::count_live (-1);
  LEAVE_RELEASE ();
}
