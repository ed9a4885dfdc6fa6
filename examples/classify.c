/* Says what is in pictures, from C.
 *
 *   classify_c MODEL PICTURE... */
#include <linnet/linnet.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s MODEL PICTURE...\n", argv[0]);
    return LINNET_USAGE;
  }
  linnet_model* model;
  int code = linnet_load(argv[1], /*threads=*/1, &model);
  for (int i = 2; i < argc && code == LINNET_OK; ++i) {
    linnet_label labels[3];
    int count;
    code = linnet_classify_file(model, argv[i], labels, 3, &count);
    if (code != LINNET_OK) break;
    printf("%s\n", argv[i]);
    for (int k = 0; k < count; ++k) {
      printf("  %5.1f %%  %s\n", 100 * labels[k].score, labels[k].name);
    }
  }
  if (code != LINNET_OK) fprintf(stderr, "%s\n", linnet_last_error());
  linnet_free(model);
  return code;
}
