/* The runtime: opens a model file and runs its network, and can do nothing else. For devices that
 * only answer: liblinnet_runtime.so has no image decoders, no training and no architectures, and
 * needs only Highway besides the C++ library. Whoever decodes pictures, too, takes
 * linnet.h.
 *
 *   linnet_net* net;
 *   if (linnet_net_open("model.safetensors", NULL, &net) != LINNET_NET_OK) {
 *     fprintf(stderr, "%s\n", linnet_net_last_error());
 *     return 1;
 *   }
 *   float* input = malloc(linnet_net_input_size(net) * sizeof(float));
 *   linnet_net_input_from_rgb(net, rgb, width, height, input);
 *   linnet_net_run(net, input);
 *   const float* scores = linnet_net_output(net, 0);
 *   linnet_net_close(net);
 *
 * Functions that may fail return LINNET_NET_OK (0) or one of the codes below;
 * linnet_net_last_error() then says in words what was expected and what came. Nothing is thrown,
 * nothing is printed, but for one line where the environment's LINNET_TARGET cannot be had.
 *
 * One net is used by one thread at a time; for more at the same time, each takes a twin. */
#ifndef LINNET_RUNTIME_H_
#define LINNET_RUNTIME_H_

#include <linnet/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are the exit codes of the command line. */
enum {
  LINNET_NET_OK = 0,
  LINNET_NET_INTERNAL = 1, /* a defect of Linnet, or no memory */
  LINNET_NET_USAGE = 2,    /* an argument makes no sense */
  LINNET_NET_FILE = 6      /* a file cannot be read, or was refused as no model */
};

/* Of the arithmetic. Bfloat16 has the range of float32 and 8 bits of its precision; "bf16x3" makes
 * float32 products of three of bfloat16, faster where there are matrix tiles. A model that was
 * quantized computes in bytes by itself. */
enum { LINNET_NET_FLOAT32 = 0, LINNET_NET_BF16 = 1, LINNET_NET_BF16X3 = 2 };

typedef struct linnet_net linnet_net;

/* Zero is the default of each. */
typedef struct linnet_net_options {
  int32_t threads;   /* used inside each run; 0: all processors this process may use */
  int32_t batch;     /* pictures at a time; 0: one */
  int32_t precision; /* LINNET_NET_FLOAT32, ... */
  /* Where packed weights are kept, so that the next start is short: a file that is mapped if it is
   * there and was written for this model, this kind of processor and these options by the same
   * sources, and otherwise written again, unless it is of another kind. "": beside the model, under
   * its name with ".packed" after it. NULL: none. A file that is damaged, foreign, or cannot be
   * written is never an error. */
  const char* packed;
} linnet_net_options;

/* What went wrong in the last call of this thread that failed; "" before the first. Valid until the
 * next such call in this thread. */
LINNET_API const char* linnet_net_last_error(void);

/* Opens a model file, checks it, and makes the network ready to run. 'options' may be NULL. On
 * failure *net is NULL. */
LINNET_API int linnet_net_open(const char* path, const linnet_net_options* options,
                               linnet_net** net);
/* The same network, to be run by another thread: shares the weights, which nobody writes, and the
 * threads, which serve one and the other in turn, so that two do not fight for processors. */
LINNET_API int linnet_net_twin(const linnet_net* net, linnet_net** twin);
/* NULL is allowed. Twins live on. */
LINNET_API void linnet_net_close(linnet_net* net);

/* 'net' is an open one in what follows; NULL is not allowed where no code is returned. */

/* batch, height, width, channels */
LINNET_API void linnet_net_input_shape(const linnet_net* net, int64_t shape[4]);
/* Numbers in the input: the product. */
LINNET_API size_t linnet_net_input_size(const linnet_net* net);
LINNET_API int linnet_net_output_count(const linnet_net* net);
/* Numbers in output i; 0 if there is none. */
LINNET_API size_t linnet_net_output_size(const linnet_net* net, int i);
/* Name of a class, as the model file has it; NULL if it names none of this number. */
LINNET_API const char* linnet_net_class_name(const linnet_net* net, int i);

/* One picture's input from pixels: 8-bit red, green, blue, row by row without gaps, upright.
 * Resizes, crops and normalises as the model file says, which is what its accuracy was measured
 * with. */
LINNET_API int linnet_net_input_from_rgb(linnet_net* net, const uint8_t* rgb, int width, int height,
                                         float* input);

/* Runs the network on linnet_net_input_size() numbers, [batch, height, width, channels]. With one
 * thread there is no system call and no allocation on the way; and with any number of threads the
 * same answers, bit for bit. 'input' is no output of this net, and stays as it is until the outputs
 * have been read, as one may be a view of it. */
LINNET_API int linnet_net_run(linnet_net* net, const float* input);
/* The numbers of output i of the last run, until the next one; NULL if there is no such output. */
LINNET_API const float* linnet_net_output(const linnet_net* net, int i);

/* Bytes. */
typedef struct linnet_net_memory {
  size_t weights;      /* as the model has them; packed they may take more */
  size_t arena;        /* for everything between the layers */
  size_t arena_bound;  /* the most of it that is in use at once: less is not possible */
  int32_t from_packed; /* 1: the weights are mapped from the file of packed weights */
} linnet_net_memory;
LINNET_API void linnet_net_memory_use(const linnet_net* net, linnet_net_memory* memory);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* LINNET_RUNTIME_H_ */
