// Says what is in pictures, and how long that takes on this machine.
//
//   classify MODEL PICTURE...
// --8<--
#include <cstdio>
#include <linnet/linnet.hpp>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s MODEL PICTURE...\n", argv[0]);
    return 2;
  }
  try {
    const linnet::Classifier classifier(argv[1]);
    for (int i = 2; i < argc; ++i) {
      std::printf("%s\n", argv[i]);
      for (const linnet::Label& label : classifier.ClassifyFile(argv[i], /*top=*/3)) {
        std::printf("  %5.1f %%  %s\n", 100 * label.score, label.name.c_str());
      }
    }
    std::printf("%.3f ms a picture\n", classifier.MeasureLatency(/*seconds=*/0.2).median_ms);
  } catch (const linnet::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return failure.kind();
  }
}
// -->8--
