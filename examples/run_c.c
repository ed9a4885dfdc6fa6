/* The runtime library from C: run_c MODEL PICTURE.ppm [PACKED]
 * PICTURE is a binary PPM (P6); PACKED keeps the packed weights for the next start. */
#include <ctype.h>
#include <linnet/runtime.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  uint8_t* rgb;
  int width, height;
} picture;

/* Returns 0 if the file is no binary PPM of 8 bits. */
static int read_ppm(const char* path, picture* p) {
  size_t size = 0;
  FILE* file = fopen(path, "rb");
  int end = 0; /* stays so without the 255 */
  int ok = file != NULL && fscanf(file, "P6 %d %d 255%n", &p->width, &p->height, &end) == 2 &&
           end > 0 && isspace(fgetc(file)) && p->width > 0 && p->height > 0 && p->width < 20000 &&
           p->height < 20000;
  if (ok) {
    size = (size_t)3 * (size_t)p->width * (size_t)p->height;
    p->rgb = malloc(size);
    ok = p->rgb != NULL && fread(p->rgb, 1, size, file) == size;
  }
  if (file != NULL) fclose(file);
  return ok;
}

static int best(const float* scores, size_t count) {
  size_t i, most = 0;
  for (i = 1; i < count; ++i) {
    if (scores[i] > scores[most]) most = i;
  }
  return (int)most;
}

int main(int argc, char** argv) {
  linnet_net* net = NULL;
  linnet_net_options options = {0};
  picture p = {0};
  float* input = NULL;
  int code;
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: run_c MODEL PICTURE.ppm [PACKED]\n");
    return LINNET_NET_USAGE;
  }
  if (!read_ppm(argv[2], &p)) {
    fprintf(stderr, "%s: expected a binary PPM of 8 bits\n", argv[2]);
    free(p.rgb);
    return LINNET_NET_FILE;
  }
  options.threads = 1;
  options.packed = argc == 4 ? argv[3] : NULL;
  code = linnet_net_open(argv[1], &options, &net);
  if (code == LINNET_NET_OK) {
    input = malloc(linnet_net_input_size(net) * sizeof(float));
    code = linnet_net_input_from_rgb(net, p.rgb, p.width, p.height, input);
  }
  if (code == LINNET_NET_OK) code = linnet_net_run(net, input);
  if (code != LINNET_NET_OK) {
    fprintf(stderr, "%s\n", linnet_net_last_error());
  } else {
    const int i = best(linnet_net_output(net, 0), linnet_net_output_size(net, 0));
    const char* name = linnet_net_class_name(net, i);
    printf("%d %s %g\n", i, name != NULL ? name : "", linnet_net_output(net, 0)[i]);
    fflush(stdout); /* the answer before the clearing up */
  }
  linnet_net_close(net);
  free(input);
  free(p.rgb);
  return code;
}
