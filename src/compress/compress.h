// Compress: from a trained model file to a smaller, faster one, with an accuracy gate.
//
// The steps, each a function of compress.cc:
//   1. the float32 model is measured: accuracy, latency, bytes;
//   2. its values are observed on pictures of the training split, by the model's own pipeline;
//   3. every way of calibrating, with and without equalised layers, is tried, and the one whose
//      answers are nearest to the float32 network's on other pictures is taken;
//   4. the file is written beside its place, read back, verified and evaluated;
//   5. if its accuracy has dropped too far, the layers whose quantization alone disturbs the
//   answers most stay in float32, more of them each time, and 4 is done again;
//   6. the file takes its place; if nothing helps, it does not, and Error (kGate) says so.
#ifndef LINNET_COMPRESS_COMPRESS_H_
#define LINNET_COMPRESS_COMPRESS_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/progress.h"

namespace linnet {

// What the user asks for; kBest tries them all.
enum class CalibrationChoice { kBest, kMinMax, kPercentile, kMse, kKl };
inline constexpr const char* kCalibrationChoiceNames[] = {"best", "min_max", "percentile", "mse",
                                                          "kl"};
inline std::span<const char* const> EnumNames(CalibrationChoice) { return kCalibrationChoiceNames; }

enum class EqualizeChoice { kBest, kOn, kOff };
inline constexpr const char* kEqualizeChoiceNames[] = {"best", "on", "off"};
inline std::span<const char* const> EnumNames(EqualizeChoice) { return kEqualizeChoiceNames; }

struct CompressOptions {
  std::string model, data, out, split;
  bool int8 = false;
  double max_drop = 1.0;
  CalibrationChoice calibration = CalibrationChoice::kBest;
  EqualizeChoice equalize = EqualizeChoice::kBest;
  bool bias_correction = true;
  int pictures = 256;
  std::vector<std::string> float_layers;
  int threads = 0;
  int loader_threads = 1;

  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("model", self.model, "model file to compress");
    v("data", self.data, "data set; its classes are matched with the model's by name");
    v("out", self.out, "model file to write");
    v("int8", self.int8, "quantize weights and values to 8 bits, without training");
    v("max_drop", self.max_drop, "the most points of top-1 accuracy that may be lost");
    v("calibration", self.calibration, "how ranges of values are chosen; best: by trying");
    v("equalize", self.equalize, "even out the channels of neighbouring layers; best: by trying");
    v("bias_correction", self.bias_correction, "take back what rounding weights adds to means");
    v("pictures", self.pictures, "training pictures: half to calibrate on, half to compare on");
    v("float_layers", self.float_layers, "a layer that stays in float32; may be repeated");
    v("split", self.split, "what accuracy is measured on; empty: test, or val where there is none");
    v("threads", self.threads, "threads for arithmetic; 0: the processors this process may use");
    v("loader_threads", self.loader_threads, "threads that decode pictures");
  }
};

struct Measured {
  double top1 = 0;  // fraction
  double median_ms = 0;
  int64_t bytes = 0;  // of the file
};

struct FloatLayer {
  std::string name;
  std::string reason;
};

struct CompressResult {
  std::string file;
  std::string split;
  int64_t pictures = 0;  // that accuracy was measured on
  Measured before, after;
  double drop = 0;  // points
  std::string calibration;
  bool equalized = false;
  int layers = 0;           // layers that could be quantized
  double answer_error = 0;  // mean squared, as a part of the answers' variance
  std::vector<FloatLayer> float_layers;
};

struct CompressHooks {
  ProgressSink progress;
  const std::atomic<bool>* interrupt = nullptr;
};

// Error (kUsage), (kData), (kFile), (kInterrupted), or (kGate) if the accuracy drops by more than
// max_drop points; what 'out' held before is then still there.
CompressResult Compress(const CompressOptions& options, const CompressHooks& hooks);

}  // namespace linnet

#endif  // LINNET_COMPRESS_COMPRESS_H_
