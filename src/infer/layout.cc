#include "infer/layout.h"

#include <algorithm>

#include "base/arena.h"

namespace linnet {
namespace {

// The node that reads each value last; past the end for outputs of the graph.
std::vector<int> LastReaders(const Graph& graph) {
  std::vector<int> last(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    last[i] = static_cast<int>(i);
    for (const Value input : graph.nodes[i].inputs) last[input] = static_cast<int>(i);
  }
  for (const Value output : graph.outputs) last[output] = static_cast<int>(graph.nodes.size());
  return last;
}

// The nodes during which memory is in use that node 'i' writes, or reads: itself, or all that run
// by turns with it.
int FirstOf(const std::vector<NodeMemory>& nodes, int i) {
  return nodes[i].first_together < 0 ? i : nodes[i].first_together;
}
int LastOf(const std::vector<NodeMemory>& nodes, int i) {
  if (i >= static_cast<int>(nodes.size())) return i;  // an output
  return nodes[i].last_together < 0 ? i : nodes[i].last_together;
}

// A buffer holds one value, or several of which each is written over, a view of, or lies among the
// channels of another.
struct Buffer {
  Lifetime life;
  bool external = false;
};

struct Buffers {
  std::vector<Buffer> all;
  std::vector<size_t> of_value;
  std::vector<bool> in_place;
};

// Of a value's own buffer: its pixels may lie further apart than they need.
size_t HomeBytes(const NodeMemory& node, const ChannelPlace& place) {
  return place.stride == 0 ? node.bytes : node.bytes / node.pixel_bytes * place.stride;
}

Buffers AssignBuffers(const Graph& graph, const std::vector<NodeMemory>& nodes,
                      const std::vector<ChannelPlace>& places) {
  constexpr size_t kNone = ~size_t{0};
  const std::vector<int> last = LastReaders(graph);
  Buffers buffers;
  buffers.in_place.resize(nodes.size());
  buffers.of_value.resize(nodes.size(), kNone);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const int step = static_cast<int>(i);
    const std::vector<Value>& inputs = graph.nodes[i].inputs;
    const Value home = places[i].home;
    // A home has its buffer from the first value on that lives in it.
    size_t buffer = buffers.of_value[home];
    if (!inputs.empty() && home == step && buffer == kNone) {
      const size_t first = buffers.of_value[inputs[0]];
      const Buffer& held = buffers.all[first];
      buffers.in_place[i] = nodes[i].in_place && !nodes[i].view && !held.external &&
                            places[inputs[0]].home == inputs[0] && places[inputs[0]].stride == 0 &&
                            places[i].stride == 0 && held.life.last == step &&
                            nodes[i].bytes <= held.life.bytes;
      if (nodes[i].view || buffers.in_place[i]) buffer = first;
    }
    if (buffer == kNone) {
      buffer = buffers.all.size();
      const size_t bytes = HomeBytes(nodes[home], places[home]);
      buffers.all.push_back({{FirstOf(nodes, step), step, bytes}, nodes[i].external});
    }
    buffers.all[buffer].life.last = std::max(buffers.all[buffer].life.last, LastOf(nodes, last[i]));
    buffers.of_value[i] = buffers.of_value[home] = buffer;
  }
  return buffers;
}

std::vector<Lifetime> LivesOf(const Buffers& buffers) {
  std::vector<Lifetime> lives;
  for (const Buffer& buffer : buffers.all) {
    lives.push_back(buffer.life);
    if (buffer.external) lives.back().bytes = 0;
  }
  return lives;
}

size_t ValuePeakBytes(const Graph& graph, const std::vector<NodeMemory>& nodes,
                      std::vector<ChannelPlace> places) {
  for (ChannelPlace& place : places) place.stride = 0;
  return PeakBytes(LivesOf(AssignBuffers(graph, nodes, places)));
}

}  // namespace

Layout PlanLayout(const Graph& graph, const std::vector<NodeMemory>& nodes,
                  const std::vector<ChannelPlace>& places) {
  const Buffers buffers = AssignBuffers(graph, nodes, places);
  std::vector<Lifetime> lives = LivesOf(buffers);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const int step = static_cast<int>(i);
    lives.push_back({FirstOf(nodes, step), LastOf(nodes, step), nodes[i].scratch_bytes});
  }
  const ArenaPlan arena = PlanArena(lives);
  Layout layout;
  layout.bytes = arena.bytes;
  layout.peak_bytes = PeakBytes(lives);
  layout.value_peak_bytes = ValuePeakBytes(graph, nodes, places);
  layout.in_place = buffers.in_place;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const size_t buffer = buffers.of_value[i];
    const bool external = buffers.all[buffer].external;
    layout.value.push_back(external ? Layout::kExternal : arena.offsets[buffer] + places[i].offset);
    const Value home = places[i].home;
    const bool touch = home == static_cast<Value>(i) || places[home].stride != 0;
    layout.stride.push_back(touch ? places[home].stride : nodes[home].pixel_bytes);
    layout.scratch.push_back(arena.offsets[buffers.all.size() + i]);
  }
  return layout;
}

}  // namespace linnet
