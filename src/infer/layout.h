// Memory of a Plan: which values share a buffer, and where each buffer lies in one arena.
#ifndef LINNET_INFER_LAYOUT_H_
#define LINNET_INFER_LAYOUT_H_

#include <cstddef>
#include <vector>

#include "graph/graph.h"

namespace linnet {

// What one node wants of memory.
struct NodeMemory {
  size_t bytes = 0;          // of its value
  size_t scratch_bytes = 0;  // while it runs
  bool external = false;     // the input: the caller's memory, never written
  bool in_place = false;     // may write its value over its first input
  bool view = false;         // its value is its first input's numbers; nothing is computed
  // What channel views go by; of Prepared.
  size_t pixel_bytes = 0;  // of one pixel of its value
  bool strided_in = false;
  bool strided_out = false;
  size_t best_in_stride = 0;  // bytes, of the first input
  size_t best_out_stride = 0;
  bool joins_channels = false;
  // Where in its first input's pixels its value begins; -1: it is not a part of them.
  int64_t takes_bytes = -1;
  // Nodes that run by turns with it (bands.h), itself among them; -1: none.
  int first_together = -1, last_together = -1;
};

// Where a value lives (channel_views.h).
struct ChannelPlace {
  Value home = -1;             // the value whose buffer holds it; itself: a buffer of its own
  size_t offset = 0;           // bytes into each pixel of the home
  size_t stride = 0;           // of a home: bytes from one of its pixels to the next; 0: they touch
  bool nothing_to_do = false;  // its node's work is done by where its inputs live
};

struct Layout {
  static constexpr size_t kExternal = ~size_t{0};
  std::vector<size_t> value;    // offset of each value, or kExternal
  std::vector<size_t> stride;   // bytes from one pixel of a value to the next; 0: they touch
  std::vector<size_t> scratch;  // offset of each node's scratch memory
  std::vector<bool> in_place;   // the node writes over its first input
  size_t bytes = 0;             // of the arena
  size_t peak_bytes = 0;        // the most in use at once: no arena for these buffers is smaller
  // The same of the values alone, with pixels that touch and without scratch memory: what no choice
  // of kernels and strides can go below.
  size_t value_peak_bytes = 0;
};

// A value is written over its node's first input if the op allows it, both have buffers of their
// own, and nothing reads that memory afterwards. Outputs of the graph live to the end.
Layout PlanLayout(const Graph& graph, const std::vector<NodeMemory>& nodes,
                  const std::vector<ChannelPlace>& places);

}  // namespace linnet

#endif  // LINNET_INFER_LAYOUT_H_
