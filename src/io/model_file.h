// The model file: everything needed to run a trained network, in one safetensors file
// (base/safetensors.h) that every framework's reader opens.
//
// Tensors: float32 (int8 where a layer computes on bytes), by parameter name; weights of
// convolutions OHWI. Metadata, all text:
//   linnet.format    "1"
//   linnet.graph     the text form of graph/graph.h
//   linnet.pipeline  JSON object, data/pipeline.h
//   linnet.labels    JSON list of text, in the order of the outputs; empty: none
//   linnet.record    JSON object, how the network came to be: whatever the trainer writes
//   linnet.checks    JSON list of {"seed": n, "output": [numbers]}: what the Plan gave when the
//   file
//                    was written for the noise of that seed, to be given again wherever it is
//                    opened
// Later releases add keys; keys that are not known are left alone.
#ifndef LINNET_IO_MODEL_FILE_H_
#define LINNET_IO_MODEL_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/pipeline.h"
#include "graph/graph.h"
#include "infer/plan.h"
#include "ops/network.h"

namespace linnet {

struct CheckVector {
  uint64_t seed = 0;
  std::vector<float> output;  // the first numbers of the first output
};

struct Model {
  Graph graph;
  ParamMap params;
  ImagePipeline pipeline;
  std::vector<std::string> labels;
  std::string record = "{}";
  std::vector<CheckVector> checks;  // filled in by LoadModel; SaveModel makes its own
};

// Computes the check vectors and writes atomically. Error (kUsage) if the parts of the model do not
// fit each other or its output is not finite (training has diverged), (kFile) if the file cannot be
// written.
void SaveModel(const std::string& path, const Model& model);
std::string ModelToBytes(const Model& model);

// Trusts nothing: Error (kFile) naming the file unless it is whole, the parts fit each other, and
// the network runs in no more than kMaxModelMemory bytes.
Model LoadModel(const std::string& path);
Model ModelFromBytes(std::span<const uint8_t> bytes, const std::string& where);
inline constexpr size_t kMaxModelMemory = size_t{4} << 30;

// DatasetOptions::val_fraction with which the model was trained, by its record: the pictures that
// are validated on are then ones that it was not trained on.
double ValFractionOf(const Model& model);

// What a file says of itself besides its network. Error (kFile) beginning with 'where'.
struct ModelFacts {
  ImagePipeline pipeline;
  std::vector<std::string> labels;
};
ModelFacts FactsFromMetadata(const std::map<std::string, std::string>& metadata,
                             const std::string& where);

// The model at the size of its pipeline.
struct KernelChoice {  // of CompileOptions
  bool tune = false;
  Precision precision = Precision::kFloat32;
};
std::unique_ptr<Plan> CompileModel(const Model& model, int batch = 1, int threads = 0,
                                   const KernelChoice& choice = {});

// Runs the check vectors. Returns the largest difference, relative to the largest number; Error
// (kFile) if it is above the tolerance, or if the network is too large to be run for a check.
// 'where' begins the message.
double VerifyModel(const Model& model, const std::string& where, ThreadPool* pool = nullptr);
inline constexpr double kCheckTolerance = 1e-3;
// Layers of bytes answer the same everywhere, but a last bit of a float32 layer before one may move
// a number to the neighbouring byte.
inline constexpr double kQuantizedCheckTolerance = 2e-2;

}  // namespace linnet

#endif  // LINNET_IO_MODEL_FILE_H_
