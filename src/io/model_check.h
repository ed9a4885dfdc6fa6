// Whether the parts of a model fit each other, and its check vectors. Part of io/model_file.h.
#ifndef LINNET_IO_MODEL_CHECK_H_
#define LINNET_IO_MODEL_CHECK_H_

#include <vector>

#include "io/model_file.h"

namespace linnet {

// Error (kUsage or kFile) unless the graph has one input with the pipeline's channels, its shapes
// and types fit at the pipeline's size and within kMaxModelMemory, the parameters are exactly the
// graph's,
// and there are as many labels as outputs, or none.
void CheckModel(const Model& model);

// What of that concerns the graph alone; it may be a rewritten one.
void CheckGraph(const Graph& graph, const ImagePipeline& pipeline);

// Two, of the model as it is. Error (kUsage) if the output is not finite.
std::vector<CheckVector> MakeChecks(const Model& model);

}  // namespace linnet

#endif  // LINNET_IO_MODEL_CHECK_H_
