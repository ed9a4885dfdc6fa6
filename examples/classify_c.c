/* The same from C: classify_c model.safetensors picture.jpg */
#include <linnet/linnet.h>
#include <stdio.h>

int main(int argc, char** argv) {
  linnet_model* model;
  linnet_label labels[3];
  int count, i, code;
  if (argc != 3) {
    fprintf(stderr, "usage: classify_c MODEL PICTURE\n");
    return LINNET_USAGE;
  }
  code = linnet_load(argv[1], /*threads=*/1, &model);
  if (code == LINNET_OK) code = linnet_classify_file(model, argv[2], labels, 3, &count);
  if (code != LINNET_OK) {
    fprintf(stderr, "%s\n", linnet_last_error());
  } else {
    for (i = 0; i < count; ++i) printf("%.3f  %s\n", labels[i].score, labels[i].name);
  }
  linnet_free(model);
  return code;
}
