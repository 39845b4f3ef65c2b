/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * prove-kernels [--type f16|bf16] [--quick] [NAME...]: proves each kernel over many shapes, on a card or on the
 * emulation (GESSO_CUDA_DRIVER=libgesso-emulated-cuda.so, GESSO_CUBLASLT the same or "none"). Prints the worst element
 * of each proof; on a real card also times it. Ends with 1 when anything was wrong.
 */

#include "kernels/cublaslt.h"
#include "prove.h"

#include <stdlib.h>
#include <string.h>

static const struct
{
  const char *name;
  void (*prove) (Prover *prover);
} rooms[] = {
  { "layouts", prove_layouts }, { "products", prove_products },   { "attention", prove_attention },
  { "norms", prove_norms },     { "pointwise", prove_pointwise }, { "combine", prove_combine },
  { "moves", prove_moves },     { "pictures", prove_pictures },
};

static void
open_device (Prover *prover, GessoDType type, CUdevice *device)
{
  const GessoCudaDriver *driver = prover->driver;
  g_autoptr (GError) error = NULL;
  char name[128] = "";
  int major = 0, minor = 0, processors = 0;
  CUcontext context;
  CUstream stream;

  prover_must (prover,
               gesso_cuda_call (driver, &error, cuInit, (0))
                   && gesso_cuda_call (driver, &error, cuDeviceGet, (device, 0))
                   && gesso_cuda_call (driver, &error, cuDeviceGetName, (name, sizeof name, *device))
                   && gesso_cuda_call (driver, &error, cuDeviceGetAttribute,
                                       (&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, *device))
                   && gesso_cuda_call (driver, &error, cuDeviceGetAttribute,
                                       (&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, *device))
                   && gesso_cuda_call (driver, &error, cuDeviceGetAttribute,
                                       (&processors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, *device))
                   && gesso_cuda_call (driver, &error, cuDevicePrimaryCtxRetain, (&context, *device))
                   && gesso_cuda_call (driver, &error, cuCtxSetCurrent, (context))
                   && gesso_cuda_call (driver, &error, cuStreamCreate, (&stream, CU_STREAM_NON_BLOCKING))
                   && gesso_cuda_call (driver, &error, cuEventCreate, (&prover->start, CU_EVENT_DEFAULT))
                   && gesso_cuda_call (driver, &error, cuEventCreate, (&prover->stop, CU_EVENT_DEFAULT)),
               &error);
  g_print ("%s, compute capability %d.%d, %d multiprocessors\n", name, major, minor, processors);
  prover->timing = !strstr (name, "emulation");
  prover->launcher = gesso_launcher_new (driver, type, major * 10 + minor, processors, stream, &error);
  prover_must (prover, prover->launcher != NULL, &error);
  prover->lt = gesso_cublaslt_open (major, &error);
  prover->launcher->lt = prover->lt;
  if (prover->lt)
    g_print ("cuBLASLt %d\n", prover->lt->version);
  else
    g_print ("no cuBLASLt: %s\n", error->message);
}

static void
close_device (Prover *prover, CUdevice device)
{
  CUstream stream = prover->launcher->stream;

  gesso_launcher_free (prover->launcher);
  gesso_cublaslt_close (prover->lt);
  prover->driver->cuEventDestroy (prover->start);
  prover->driver->cuEventDestroy (prover->stop);
  prover->driver->cuStreamDestroy (stream);
  prover->driver->cuDevicePrimaryCtxRelease (device);
}

int
main (int argc, char **argv)
{
  g_autofree char *type_name = NULL;
  g_auto (GStrv) names = NULL;
  Prover prover = { .worst = 0.0 };
  const GOptionEntry options[]
      = { { "type", 't', 0, G_OPTION_ARG_STRING, &type_name, "of the values: f16 (default) or bf16", "TYPE" },
          { "quick", 'q', 0, G_OPTION_ARG_NONE, &prover.quick, "a few shapes only", NULL },
          { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &names, NULL, "[NAME...]" },
          G_OPTION_ENTRY_NULL };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  GessoCudaDriver *driver;
  CUdevice device;

  g_option_context_add_main_entries (context, options, NULL);
  prover_must (&prover, g_option_context_parse (context, &argc, &argv, &error), &error);
  driver = gesso_cuda_driver_open (&error);
  prover_must (&prover, driver != NULL, &error);
  prover.driver = driver;
  open_device (&prover, g_strcmp0 (type_name, "bf16") ? GESSO_DTYPE_F16 : GESSO_DTYPE_BF16, &device);
  for (gsize i = 0; i < G_N_ELEMENTS (rooms); i++)
    if (!names || g_strv_contains ((const char *const *) names, rooms[i].name))
      rooms[i].prove (&prover);
  close_device (&prover, device);
  gesso_cuda_driver_close (driver);
  g_print (
      "%u proofs, %u wrong; the worst element came to %.2f of what is allowed; cuBLASLt did %u products and refused "
      "%u\n",
      prover.n_proofs, prover.n_wrong, prover.worst, prover.n_by_lt, prover.n_refused);
  /* What is refused now and then is passed over; where nothing is done, something else is wrong. */
  return prover.n_wrong > 0 || !prover.n_proofs || (prover.n_refused && !prover.n_by_lt);
}
