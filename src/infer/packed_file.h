// Packed weights in a file, so that a program that starts has them by mapping it: no weights are
// read, folded or packed, and their pages are the system's, which shares them among all processes
// and Plans that map the file.
//
// The file is a safetensors container (base/safetensors.h) with one tensor, U8 "packed", in which
// each array begins at a multiple of 64. Its metadata has
//   linnet.packed           "1"
//   linnet.packed_key       all that packing depends on
//   linnet.packed_checksum  of the tensor
//   linnet.graph            the network after the rewrites
//   linnet.steps            JSON, a list of {"kernel", "implementation", "measured", "bytes"}
//
// A file with another key is not wrong, only somebody else's. It is trusted in nothing: the worst
// is that weights are packed again, or, where somebody has forged it, wrong numbers; but who can
// write it can write the model.
#ifndef LINNET_INFER_PACKED_FILE_H_
#define LINNET_INFER_PACKED_FILE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "infer/plan.h"
#include "ops/op_def.h"

namespace linnet {

// What a Plan needs of one step, besides its shapes.
struct PackedStep {
  std::string kernel;          // Prepared::kernel; it has to be chosen again
  std::string implementation;  // to be asked for; empty: as the rules say
  std::string measured;        // StepInfo::measured
  std::vector<Tensor> arrays;  // Prepared::packed
};

struct PackedNetwork {
  Graph graph;                    // after the rewrites
  std::vector<PackedStep> steps;  // of the Plan
};

// What packing depends on, besides the model and the options: the code that packs, the processor
// and its instruction set. Two builds of the same sources have the same.
std::string PackingKey();

// Null unless the file is there, whole, and of this key. The arrays are views of the mapped file,
// and keep it.
std::unique_ptr<PackedNetwork> ReadPackedFile(const std::string& path, const std::string& key);

// Atomically. False where that failed, or where another kind of file has the name; throws nothing.
bool WritePackedFile(const std::string& path, const std::string& key,
                     const PackedNetwork& network) noexcept;

// Of a Plan; nothing if one of its steps does not say where it packs (Prepared::packed). The arrays
// are the Plan's own.
std::optional<PackedNetwork> PackedOf(const Plan& plan);

// The Plan that PackedOf was asked for. Null if kernels are chosen here that want other arrays;
// Error (kUsage) as from Compile if the graph is none.
std::unique_ptr<Plan> CompilePacked(PackedNetwork network, const CompileOptions& options);

// Makes 'prepared' read 'arrays' instead of what its pack would make. False, with nothing changed,
// if they are not those it needs.
bool UsePacked(const std::vector<Tensor>& arrays, Prepared& prepared);

}  // namespace linnet

#endif  // LINNET_INFER_PACKED_FILE_H_
