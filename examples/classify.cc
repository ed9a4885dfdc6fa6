// Classifies pictures with a model file.
//
//   classify model.safetensors picture.jpg...
#include <cstdio>
#include <linnet/linnet.hpp>

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: classify MODEL PICTURE...\n");
    return 2;
  }
  // README:
  linnet::Classifier classifier(argv[1]);
  for (int i = 2; i < argc; ++i) {
    const linnet::Label best = classifier.ClassifyFile(argv[i], /*top=*/1)[0];
    std::printf("%s: %s (%.1f %%)\n", argv[i], best.name.c_str(), 100 * best.score);
  }
  // :README
  return 0;
} catch (const linnet::Failure& failure) {
  std::fprintf(stderr, "%s\n", failure.what());
  return failure.kind();
}
