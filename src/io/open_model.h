// From a model file to a Plan by the shortest way: where the weights have been packed before, the
// model's tensors are not even read.
#ifndef LINNET_IO_OPEN_MODEL_H_
#define LINNET_IO_OPEN_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "data/pipeline.h"
#include "infer/plan.h"

namespace linnet {

struct OpenedModel {
  ImagePipeline pipeline;
  std::vector<std::string> labels;
  std::unique_ptr<Plan> plan;
  bool packed_before = false;  // its weights are those of 'packed'
};

// options: height and width are the pipeline's. packed: a file of packed weights
// (infer/packed_file.h), read if it is there and fits, else written; empty: none. It belongs to one
// model at one batch; whoever runs several sizes names several. Where it cannot be written nothing
// is remembered.
//
// Error (kFile) as from LoadModel. With packed weights the model's tensors are not checked: what is
// run are those of the time when they were.
OpenedModel OpenModel(const std::string& path, CompileOptions options,
                      const std::string& packed = "");

}  // namespace linnet

#endif  // LINNET_IO_OPEN_MODEL_H_
