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
      const ChannelPlace place = {places[i].home, offset};
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
    places[i] = {places[source].home,
                 places[source].offset + static_cast<size_t>(nodes[i].takes_bytes), true};
  }
  return places;
}

}  // namespace linnet
