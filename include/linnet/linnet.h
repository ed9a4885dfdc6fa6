/* Linnet for C programs, and for every language that can call C.
 *
 *   linnet_model* model;
 *   linnet_label labels[5];
 *   int count;
 *   if (linnet_load("model.safetensors", 1, &model) != LINNET_OK) {
 *     fprintf(stderr, "%s\n", linnet_last_error());
 *     return 1;
 *   }
 *   int code = linnet_classify_rgb(model, rgb, width, height, labels, 5, &count);
 *   if (code == LINNET_OK && count > 0) {
 *     printf("%s %.3f\n", labels[0].name, labels[0].score);
 *   }
 *   linnet_free(model);
 *
 * Functions that may fail return LINNET_OK (0) or one of the codes below; linnet_last_error() then
 * says in words what was expected and what came. Nothing is thrown, nothing is printed.
 *
 * A model may be used from any number of threads: calls on one model take turns. For pictures at
 * the same time, load the file once for each thread. */
#ifndef LINNET_LINNET_H_
#define LINNET_LINNET_H_

#include <linnet/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are the exit codes of the command line. */
enum {
  LINNET_OK = 0,
  LINNET_INTERNAL = 1, /* a defect of Linnet, or no memory */
  LINNET_USAGE = 2,    /* an argument makes no sense */
  LINNET_DATA = 3,     /* a picture cannot be decoded */
  LINNET_FILE = 6      /* a file cannot be read, or was refused as no model */
};

typedef struct linnet_model linnet_model;

typedef struct linnet_label {
  const char* name; /* belongs to the model; the class's number if the model names none */
  int32_t index;    /* among the classes */
  float score;      /* in [0, 1]; over all classes the sum is 1 */
} linnet_label;

/* Of single pictures, from pixels to scores, without decoding. */
typedef struct linnet_latency {
  double median_ms, p95_ms, p99_ms;
  int32_t runs;
} linnet_latency;

/* "0.1.0" */
LINNET_API const char* linnet_version(void);

/* What went wrong in the last call of this thread that failed; "" before the first. Valid until the
 * next such call in this thread. */
LINNET_API const char* linnet_last_error(void);

/* Opens a model file, checks it, and makes the network ready to run. 'threads' are used inside each
 * call; 0 means all processors this process may use. On failure *model is NULL. */
LINNET_API int linnet_load(const char* path, int threads, linnet_model** model);
/* NULL is allowed. */
LINNET_API void linnet_free(linnet_model* model);

/* How many classes there are, and the name of one (NULL if there is no such class). */
LINNET_API int linnet_class_count(const linnet_model* model);
LINNET_API const char* linnet_class_name(const linnet_model* model, int index);

/* Each writes the best labels, best first, at most 'capacity' of them, and their number to *count.
 */

/* Pixels: 8-bit red, green, blue, row by row without gaps, upright. */
LINNET_API int linnet_classify_rgb(linnet_model* model, const uint8_t* rgb, int width, int height,
                                   linnet_label* labels, int capacity, int* count);
/* The bytes of a picture file: JPEG, PNG, WebP, GIF, BMP, PNM, told by content; turned upright. */
LINNET_API int linnet_classify_encoded(linnet_model* model, const void* bytes, size_t size,
                                       linnet_label* labels, int capacity, int* count);
LINNET_API int linnet_classify_file(linnet_model* model, const char* path, linnet_label* labels,
                                    int capacity, int* count);

/* Runs the network on this machine for about so many seconds. */
LINNET_API int linnet_measure_latency(linnet_model* model, double seconds, linnet_latency* figures);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* LINNET_LINNET_H_ */
