#include "api/zoo.h"

#include <algorithm>
#include <set>

#include "cost/cost.h"

namespace linnet {
namespace {

const char kIntroduction[] = R"(# The zoo

Every architecture of the registry, by family. This page is written by `linnet archs --markdown`; tests compare
it with the registry, and each variant's counts with the graph that is built.

- *Parameters*: trainable ones, auxiliary heads included. *Multiply-adds*: of convolutions and fully connected
  layers, for one picture, without auxiliary heads.
- *Top-1*, *top-5*: percent, as published by the source beside them; on ImageNet's validation set unless the
  source names other data. Nothing is printed where nothing was published for exactly this network.
- A variant is written as one word, `mobilenet_v1:width=0.5,size=160`, wherever an architecture is asked for
  (`linnet show`, `train`, `time`). Options that are left out have the default printed here; values between
  those of the tables are as good. Every architecture also takes `size`, `classes` and `channels`.
)";

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Length of the arXiv number at the beginning of 'text' ("1704.04861", "1409.1556"), or 0.
size_t ArxivLength(std::string_view text) {
  const auto is_number = [&](size_t length) {
    return text.size() >= length && IsDigits(text.substr(0, 4)) && text[4] == '.' &&
           IsDigits(text.substr(5, length - 5));
  };
  return is_number(10) ? 10 : is_number(9) ? 9 : 0;
}

// Markdown in which arXiv numbers are links.
std::string LinkPapers(std::string_view text) {
  std::string linked;
  for (size_t i = 0; i < text.size();) {
    const size_t length = ArxivLength(text.substr(i));
    const std::string_view number = text.substr(i, length);
    linked += length > 0 ? fmt::format("[{}](https://arxiv.org/abs/{})", number, number)
                         : std::string(1, text[i]);
    i += std::max<size_t>(length, 1);
  }
  return linked;
}

// 4231976 -> "4,231,976".
std::string GroupDigits(int64_t number) {
  std::string text = std::to_string(number);
  for (int i = static_cast<int>(text.size()) - 3; i > 0; i -= 3) text.insert(i, ",");
  return text;
}

std::string PercentText(double percent) {
  return percent > 0 ? fmt::format("{:.4g}", percent) : "";
}

std::string InputText(const Graph& graph) {
  const Input& input = std::get<Input>(graph.nodes[0].op);
  return fmt::format("{}x{}x{}", input.height, input.width, input.channels);
}

using Family = std::vector<const Arch*>;

std::vector<Family> Families() {
  std::vector<Family> families;
  for (const Arch& arch : AllArchs()) {
    if (families.empty() || families.back()[0]->family != arch.family) families.emplace_back();
    families.back().push_back(&arch);
  }
  return families;
}

std::set<std::string> CommonOptionNames() {
  std::set<std::string> names;
  const CommonOptions defaults;
  VisitFields(defaults, [&](const char* name, auto&, const char*) { names.insert(name); });
  return names;
}

// A line for each option of the family: its default, or none where the members differ in it, and
// the members that have it where others do not.
std::string OptionLines(const Family& family) {
  struct Line {
    std::string name, doc, owners;
    std::set<std::string> values;
    size_t count = 0;
  };
  const std::set<std::string> common = CommonOptionNames();
  std::vector<Line> lines;
  for (const Arch* arch : family) {
    for (const OptionDoc& option : arch->options) {
      if (common.count(option.name) > 0) continue;
      auto line = std::find_if(lines.begin(), lines.end(), [&](const Line& l) {
        return l.name == option.name && l.doc == option.doc;
      });
      if (line == lines.end()) line = lines.insert(line, {option.name, option.doc});
      line->values.insert(option.value);
      line->owners += (line->count++ > 0 ? ", " : "") + arch->name;
    }
  }
  std::string text;
  for (const Line& line : lines) {
    const std::string value = line.values.size() == 1 ? "=" + *line.values.begin() : "";
    const std::string owners = line.count < family.size() ? " (" + line.owners + ")" : "";
    text += fmt::format("- `{}{}`: {}{}\n", line.name, value, line.doc, owners);
  }
  return text.empty() ? "" : "\nOptions:\n\n" + text;
}

std::string Table(const Family& family) {
  std::string text =
      "\n| variant | input | parameters | multiply-adds | top-1 | top-5 | source of accuracy |\n"
      "|---|---|--:|--:|--:|--:|---|\n";
  for (const Arch* arch : family) {
    for (const ZooRow& row : ZooRows(*arch)) {
      const Variant& variant = row.variant;
      text += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", row.name, row.input,
                          GroupDigits(variant.params), GroupDigits(variant.macs),
                          PercentText(variant.top1), PercentText(variant.top5), variant.source);
    }
  }
  return text;
}

std::string FamilySection(const Family& family) {
  std::string text = fmt::format("\n## {}\n\n", family[0]->family);
  for (const Arch* arch : family) {
    text += fmt::format("- **{}**: {} ({})\n", arch->name, arch->title, LinkPapers(arch->paper));
  }
  return text + OptionLines(family) + Table(family);
}

}  // namespace

std::vector<ZooRow> ZooRows(const Arch& arch) {
  std::vector<ZooRow> rows;
  for (const Variant& variant : arch.variants) {
    const std::string name = arch.name + (variant.options.empty() ? "" : ":") + variant.options;
    rows.push_back({name, &arch, InputText(BuildArch(name)), variant});
  }
  if (rows.empty()) {
    const Graph graph = BuildArch(arch.name);
    const Cost cost = CountCost(graph);
    rows.push_back(
        {arch.name, &arch, InputText(graph), {.params = cost.params, .macs = cost.macs}});
  }
  return rows;
}

std::string ZooPage() {
  std::string sections, contents;
  for (const Family& family : Families()) {
    const std::string& name = family[0]->family;
    contents += fmt::format("{}[{}](#{})", contents.empty() ? "\n" : " ·\n", name, name);
    sections += FamilySection(family);
  }
  return kIntroduction + contents + "\n" + sections;
}

}  // namespace linnet
