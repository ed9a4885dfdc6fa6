// The ways in which `linnet time` measures, and what they share.
#ifndef LINNET_API_TIME_MODES_H_
#define LINNET_API_TIME_MODES_H_

#include <memory>
#include <string>

#include "api/command.h"
#include "api/network.h"
#include "base/precision.h"
#include "base/thread_pool.h"
#include "data/pipeline.h"
#include "infer/latency.h"
#include "infer/plan.h"

namespace linnet {

struct TimeArgs {
  static constexpr const char* kPositional = "arch";
  std::string arch, model, picture, packed;
  int threads = 1, batch = 1;
  Precision precision = Precision::kFloat32;
  double seconds = 1, rate = 0;
  bool tune = false, cold = false, once = false, remeasure = false;
  OptionList arch_options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("arch", self.arch, "architecture, model file, or file with a graph's text");
    v("model", self.model, "model file");
    v("threads", self.threads, "threads to use; 0: the processors this process may use");
    v("batch", self.batch, "pictures at a time");
    v("tune", self.tune,
      "choose float32 kernels by measuring them here; remembered on this machine");
    v("precision", self.precision,
      "of the arithmetic: float32, bf16 or bf16x3; a quantized model has its own");
    v("seconds", self.seconds, "measure at least so long");
    v("rate", self.rate, "runs a second, as a camera asks; 0: one after the other");
    v("picture", self.picture,
      "file to decode and resize in each run, too; generated: one that is drawn");
    v("cold", self.cold, "from the start of the program to the first answer");
    v("once", self.once, "answer once and end: what --cold starts");
    v("packed", self.packed,
      "with --once: file of packed weights, read if it is this model's, else written");
    v("remeasure", self.remeasure, "measure the machine again, whatever is remembered of it");
  }
};

// ---- parts of every answer ----

Json LatencyJson(const Latency& latency);
std::string LatencyText(const Latency& latency);

// "one run after the other", or how many a second.
std::string ModeText(const TimeArgs& args);

// "mobilenet_v1" and below it, as a name with options is long, "float32, 1 thread, batch 1, one run
// after the other"
std::string Headline(const TimeArgs& args, const NamedNetwork& network, int threads,
                     const std::string& mode);

void AddCommonJson(const TimeArgs& args, const NamedNetwork& network, int threads, Json& json);

// ---- with decoding and resizing: time_picture.cc ----

// args.picture, or a stand-in for every picture that is drawn.
constexpr const char* kGenerated = "generated";
// The bytes of the picture file of that name.
std::string PictureBytes(const std::string& file);

// What a model says of its pictures; an architecture says no more than their size.
ImagePipeline PipelineOf(const NamedNetwork& network, const Shape& input);

CommandResult TimeWithPicture(const TimeArgs& args, const NamedNetwork& network, Plan& plan,
                              ThreadPool& pool);

// --once: says when it has the first answer, and what memory it took.
CommandResult AnswerOnce(const TimeArgs& args, const ImagePipeline& pipeline, Plan& plan,
                         ThreadPool& pool);
// The same with --packed.
CommandResult AnswerOncePacked(const TimeArgs& args, ThreadPool& pool);

// ---- --cold: time_cold.cc ----

// Starts 'program' with --once again and again, with and without packed weights.
CommandResult TimeCold(const TimeArgs& args, const std::string& program);

}  // namespace linnet

#endif  // LINNET_API_TIME_MODES_H_
