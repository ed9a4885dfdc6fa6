#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"
#include "cost/draw.h"

namespace linnet {
namespace {

// Pixels. From left to right: arcs of values read further on, the block's box, its output, bars.
constexpr int kTop = 64, kRow = 30, kBox = 24;
constexpr int kBoxLeft = 70, kBoxWidth = 430;
constexpr int kShapeLeft = kBoxLeft + kBoxWidth + 12;
constexpr int kMacsLeft = kShapeLeft + 110, kBarWidth = 120;
constexpr int kParamsLeft = kMacsLeft + kBarWidth + 70;
constexpr int kWidth = kParamsLeft + kBarWidth + 80;
constexpr int kLetters = 64;  // that a box has room for

constexpr const char kMacsColor[] = "#2b6cb0", kParamsColor[] = "#b7791f";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Shortened(std::string text) {
  if (text.size() > kLetters) text = text.substr(0, kLetters - 3) + "...";
  return text;
}

std::string Text(int x, int y, const char* style, std::string_view text) {
  return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", x, y, style,
                     Escaped(text));
}

// What a block does: a colour for its most costly operation.
const char* BoxColor(const Graph& graph, const Cost& cost, const BlockRange& block) {
  const auto* heaviest = std::max_element(
      &cost.layers[block.begin], &cost.layers[block.begin] + (block.end - block.begin),
      [](const LayerCost& a, const LayerCost& b) { return a.macs < b.macs; });
  const Op& op = graph.nodes[block.begin + (heaviest - &cost.layers[block.begin])].op;
  if (std::holds_alternative<Conv2d>(op)) return "#dbeafe";
  if (std::holds_alternative<Dense>(op)) return "#fde7c8";
  if (std::holds_alternative<Pool>(op) || std::holds_alternative<GlobalPool>(op)) return "#d9f2e1";
  return "#eceff3";
}

std::string Bar(int x, int y, int64_t part, int64_t most, const char* color) {
  if (part == 0) return "";
  const double width = std::max(1.0, kBarWidth * static_cast<double>(part) / most);
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"12\" fill=\"{}\"/>\n", x,
                     y + 6, width, color) +
         Text(x + static_cast<int>(std::ceil(width)) + 5, y + 16, "small", CountText(part));
}

int RowTop(size_t block) { return kTop + static_cast<int>(block) * kRow; }

// The edges between blocks: a line to the next, an arc on the left to one further on.
std::string Edges(const Graph& graph, const std::vector<BlockRange>& blocks) {
  std::vector<size_t> block_of(graph.nodes.size());
  for (size_t b = 0; b < blocks.size(); ++b) {
    for (size_t i = blocks[b].begin; i < blocks[b].end; ++i) block_of[i] = b;
  }
  std::string text;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const Value input : graph.nodes[i].inputs) {
      const size_t from = block_of[input], to = block_of[i];
      if (to == from + 1) {
        text += fmt::format("<path d=\"M{} {}V{}\"/>\n", kBoxLeft + 20, RowTop(from) + kBox,
                            RowTop(to));
      } else if (to > from) {
        const int reach = kBoxLeft - 12 - std::min(48, 8 * static_cast<int>(to - from));
        const int y0 = RowTop(from) + kBox / 2, y1 = RowTop(to) + kBox / 2;
        text += fmt::format("<path d=\"M{} {}C{} {},{} {},{} {}\"/>\n", kBoxLeft, y0, reach, y0,
                            reach, y1, kBoxLeft, y1);
      }
    }
  }
  return text;
}

std::string BlockText(const Graph& graph, const Cost& cost, const BlockRange& block) {
  std::string text = block.name + ":";
  for (size_t i = block.begin; i < block.end; ++i) {
    const bool norm = std::holds_alternative<BatchNorm>(graph.nodes[i].op);
    text += (i > block.begin ? ", " : " ") + (norm ? "bn" : OpText(graph, cost, i));
  }
  return Shortened(text);
}

constexpr const char kStyle[] =
    "<style>text{font:12px sans-serif;fill:#1a202c}.title{font-size:18px;font-weight:bold}"
    ".small,.head{font-size:11px;fill:#4a5568}path{fill:none;stroke:#718096;stroke-width:1.2}"
    "</style>\n";

}  // namespace

std::string DrawSvg(const Graph& graph, const Cost& cost) {
  const std::vector<BlockRange> blocks = Blocks(graph, cost);
  int64_t most_macs = 1, most_params = 1;
  for (const BlockRange& block : blocks) {
    most_macs = std::max(most_macs, block.macs);
    most_params = std::max(most_params, block.params);
  }
  const int height = RowTop(blocks.size()) + 16;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\">\n{2}<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      kWidth, height, kStyle);
  svg += Text(kBoxLeft, 28, "title",
              fmt::format("{}: {} parameters, {} MACs", graph.name, CountText(cost.params),
                          CountText(cost.macs)));
  svg += Text(kShapeLeft, kTop - 10, "head", "output");
  svg += Text(kMacsLeft, kTop - 10, "head", "multiply-adds");
  svg += Text(kParamsLeft, kTop - 10, "head", "parameters");
  svg += Edges(graph, blocks);
  for (size_t b = 0; b < blocks.size(); ++b) {
    const int y = RowTop(b);
    svg += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"{}\" "
        "stroke=\"#a0aec0\"/>\n",
        kBoxLeft, y, kBoxWidth, kBox, BoxColor(graph, cost, blocks[b]));
    svg += Text(kBoxLeft + 8, y + 16, "op", BlockText(graph, cost, blocks[b]));
    svg += Text(kShapeLeft, y + 16, "small", ShapeText(cost.layers[blocks[b].end - 1].output));
    svg += Bar(kMacsLeft, y, blocks[b].macs, most_macs, kMacsColor);
    svg += Bar(kParamsLeft, y, blocks[b].params, most_params, kParamsColor);
  }
  return svg + "</svg>\n";
}

}  // namespace linnet
