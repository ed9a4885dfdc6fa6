#include "infer/channel_views.h"

#include <algorithm>

namespace linnet {
namespace {

// Values that may be read as parts of wider pixels: by all that read them, and not by the caller.
std::vector<bool> ReadStrided(const Graph& graph, const std::vector<NodeMemory>& nodes) {
  std::vector<bool> strided(nodes.size(), true);
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const Value input : graph.nodes[i].inputs) {
      if (!nodes[i].strided_in) strided[input] = false;
    }
  }
  for (const Value output : graph.outputs) strided[output] = false;
  return strided;
}

// Homes whose pixels had better not touch.
void SpreadPixels(const Graph& graph, const std::vector<NodeMemory>& nodes,
                  const std::vector<bool>& read_strided, std::vector<ChannelPlace>& places) {
  std::vector<size_t> best(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    best[i] = std::max(best[i], nodes[i].best_out_stride);
    if (graph.nodes[i].inputs.empty()) continue;
    size_t& of_input = best[graph.nodes[i].inputs[0]];
    of_input = std::max(of_input, nodes[i].best_in_stride);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const bool can = nodes[i].strided_out && read_strided[i] && !nodes[i].external &&
                     !nodes[i].view && places[i].home == static_cast<Value>(i);
    if (can && best[i] > nodes[i].pixel_bytes) places[i].stride = best[i];
  }
}

bool IsTaken(const NodeMemory& node) { return node.takes_bytes >= 0; }

}  // namespace

std::vector<ChannelPlace> PlaceApart(const std::vector<NodeMemory>& nodes) {
  std::vector<ChannelPlace> places(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) places[i].home = static_cast<Value>(i);
  return places;
}

std::vector<ChannelPlace> PlaceChannels(const Graph& graph, const std::vector<NodeMemory>& nodes) {
  const std::vector<bool> strided = ReadStrided(graph, nodes);
  std::vector<ChannelPlace> places = PlaceApart(nodes);
  const auto apart = [&](Value v) { return places[v].home == v; };
  // The last concat first: one that is a part of another is placed before its own parts are.
  for (Value i = static_cast<Value>(nodes.size()) - 1; i >= 0; --i) {
    if (!nodes[i].joins_channels) continue;
    size_t offset = places[i].offset;
    bool all = true;
    for (const Value part : graph.nodes[i].inputs) {
      const ChannelPlace place = {.home = places[i].home, .offset = offset};
      const bool fits = nodes[part].strided_out && strided[part] && apart(part) &&
                        !nodes[part].external && !nodes[part].view && !IsTaken(nodes[part]);
      if (fits) places[part] = place;
      all = all && fits;
      offset += nodes[part].pixel_bytes;
    }
    places[i].nothing_to_do = all;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!IsTaken(nodes[i]) || !strided[i]) continue;
    const Value source = graph.nodes[i].inputs[0];
    if (nodes[source].external || nodes[source].view) continue;
    const size_t offset = places[source].offset + static_cast<size_t>(nodes[i].takes_bytes);
    places[i] = {.home = places[source].home, .offset = offset, .nothing_to_do = true};
  }
  SpreadPixels(graph, nodes, strided, places);
  return places;
}

}  // namespace linnet
