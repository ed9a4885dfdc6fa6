#include "infer/bands.h"

#include <algorithm>

namespace linnet {
namespace {

// A map of at least this many bytes is worth a strip. Where a map and its neighbours fit the L2 (2
// MB on the processors that were measured, 1 MB on others) it is read from there anyway.
constexpr int64_t kLargeBytes = 576 * 1024;
// All strips of a section together: half of the smaller of those caches, the weights need the rest.
constexpr int64_t kStripBytes = 512 * 1024;
// Rows of the last map in a band are a multiple of this, the height of a depthwise kernel's tile.
constexpr int64_t kTileRows = 4;

struct Rows {
  int64_t first, last;
};

// The rows of a map of 'height' rows of which rows 'of' of the next one are made.
Rows RowsFor(const RowWindow& window, Rows of, int64_t height) {
  const int64_t first = of.first * window.stride - window.padding;
  const int64_t last = (of.last - 1) * window.stride - window.padding + window.kernel;
  const int64_t end = std::clamp<int64_t>(last, 0, height);
  return {std::clamp<int64_t>(first, 0, end), end};
}

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<Shape>& shapes,
          const std::vector<const Prepared*>& prepared, const std::vector<ChannelPlace>& places)
      : shapes_(shapes), prepared_(prepared), can_be_strip_(shapes.size()) {
    std::vector<int> uses(shapes.size());
    for (const Node& node : graph.nodes) {
      for (const Value input : node.inputs) ++uses[input];
    }
    for (const Output& output : graph.outputs) uses[output.value] += 2;
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i].home != static_cast<Value>(i)) uses[places[i].home] += 2;
    }
    for (size_t i = 0; i + 1 < shapes.size(); ++i) {
      const std::vector<Value>& next = graph.nodes[i + 1].inputs;
      const bool read_next = uses[i] == 1 && !next.empty() && next[0] == static_cast<Value>(i);
      can_be_strip_[i] = read_next && places[i].home == static_cast<Value>(i) && ByRows(i) &&
                         ByRows(i + 1) && BytesOfRow(i) * shapes[i].h() >= kLargeBytes;
    }
  }

  std::vector<BandGroup> Groups(int sections) const {
    std::vector<BandGroup> groups;
    for (size_t i = 0; i < can_be_strip_.size(); ++i) {
      if (!can_be_strip_[i]) continue;
      BandGroup group;
      group.first = static_cast<Value>(i);
      while (can_be_strip_[i]) ++i;
      group.last = static_cast<Value>(i);
      AddSections(sections, group);
      groups.push_back(std::move(group));
    }
    return groups;
  }

 private:
  bool ByRows(size_t i) const {
    return prepared_[i]->rows.kernel > 0 && prepared_[i]->forward && shapes_[i].rank() == 4 &&
           shapes_[i].n() == 1;
  }
  int64_t BytesOfRow(size_t i) const {
    return shapes_[i].w() * shapes_[i].c() * static_cast<int64_t>(sizeof(float));
  }

  // What each node but the last has to hold for 'rows' of the last.
  std::vector<Rows> Needed(const BandGroup& group, Rows rows) const {
    std::vector<Rows> needed(static_cast<size_t>(group.last - group.first));
    for (Value v = group.last - 1; v >= group.first; --v) {
      rows = RowsFor(prepared_[v + 1]->rows, rows, shapes_[v].h());
      needed[static_cast<size_t>(v - group.first)] = rows;
    }
    return needed;
  }

  // Rows of the last map in a band.
  int64_t BandRows(const BandGroup& group) const {
    const int64_t height = shapes_[group.last].h();
    int64_t rows = kTileRows;
    for (; rows + kTileRows < height; rows += kTileRows) {
      // Bands in the middle are the widest.
      const int64_t middle = std::min(height / 2, height - rows - kTileRows);
      int64_t bytes = 0;
      const auto needed = Needed(group, {middle, middle + rows + kTileRows});
      for (size_t i = 0; i < needed.size(); ++i) {
        bytes += (needed[i].last - needed[i].first) * BytesOfRow(group.first + i);
      }
      if (bytes > kStripBytes) break;
    }
    return rows;
  }

  void AddSections(int sections, BandGroup& group) const {
    const int64_t height = shapes_[group.last].h(), rows = BandRows(group);
    const int64_t bands = (height + rows - 1) / rows;
    const int64_t count = std::min<int64_t>(sections, bands);
    group.strip_rows.assign(static_cast<size_t>(group.last - group.first), 0);
    for (int64_t s = 0; s < count; ++s) {
      group.sections.emplace_back();
      AddTurns({height * s / count, height * (s + 1) / count}, rows, group);
    }
  }

  // Rows 'section' of the last map, in bands of 'band_rows', as a new section of the group.
  void AddTurns(Rows section, int64_t band_rows, BandGroup& group) const {
    std::vector<Turn>& turns = group.sections.back();
    std::vector<Rows> held(group.strip_rows.size(), Rows{0, 0});
    bool begun = false;
    for (int64_t y = section.first; y < section.last; y += band_rows) {
      const Rows band = {y, std::min(y + band_rows, section.last)};
      const std::vector<Rows> needed = Needed(group, band);
      int64_t in_origin = 0;
      for (size_t i = 0; i < needed.size(); ++i) {
        Turn turn = {.node = group.first + static_cast<Value>(i), .in_origin = in_origin};
        const int64_t origin = needed[i].first;
        const int64_t done = begun ? std::max(held[i].last, origin) : origin;
        turn.first = done;
        turn.last = std::max(needed[i].last, done);
        turn.out_origin = in_origin = origin;
        turn.keep = done - origin;
        turn.keep_from = turn.keep > 0 ? origin - held[i].first : 0;
        held[i] = {origin, turn.last};
        group.strip_rows[i] = std::max(group.strip_rows[i], turn.last - origin);
        if (turn.first < turn.last || turn.keep_from > 0) turns.push_back(turn);
      }
      turns.push_back(
          {.node = group.last, .first = band.first, .last = band.last, .in_origin = in_origin});
      begun = true;
    }
  }

  const std::vector<Shape>& shapes_;
  const std::vector<const Prepared*>& prepared_;
  std::vector<bool> can_be_strip_;
};

}  // namespace

std::vector<BandGroup> PlanBands(const Graph& graph, const std::vector<Shape>& shapes,
                                 const std::vector<const Prepared*>& prepared,
                                 const std::vector<ChannelPlace>& places, int sections) {
  return Planner(graph, shapes, prepared, places).Groups(sections);
}

}  // namespace linnet
