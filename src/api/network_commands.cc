// archs, show: networks without weights.
#include <array>

#include "api/commands.h"
#include "api/network.h"
#include "api/zoo.h"
#include "base/file.h"
#include "base/text_table.h"
#include "base/units.h"
#include "cost/draw.h"

namespace linnet {
namespace {

// ---- archs ----

struct ArchsArgs {
  static constexpr const char* kPositional = "family";
  std::string family;
  Count max_macs, max_params;
  double min_top1 = 0;
  bool markdown = false;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("family", self.family, "only this family, or architectures whose name begins so");
    v("max_macs", self.max_macs, "at most so many multiply-adds: 600M; 0: any");
    v("max_params", self.max_params, "at most so many parameters: 5M; 0: any");
    v("min_top1", self.min_top1, "at least this published top-1 accuracy in percent; 0: any");
    v("markdown", self.markdown, "write the whole zoo as docs/zoo.md has it");
  }
};

bool Passes(const ArchsArgs& args, const Variant& variant) {
  return (args.max_macs.value == 0 || variant.macs <= args.max_macs.value) &&
         (args.max_params.value == 0 || variant.params <= args.max_params.value) &&
         variant.top1 >= args.min_top1;
}

// The rows that pass. Error (kUsage) if there is no such family.
std::vector<ZooRow> FindRows(const ArchsArgs& args) {
  if (!(args.min_top1 >= 0 && args.min_top1 <= 100)) {
    Fail(ErrorKind::kUsage, "archs: --min-top1 {}: expected 0 to 100", args.min_top1);
  }
  std::vector<ZooRow> rows;
  std::vector<std::string> families;
  bool found = false;
  for (const Arch& arch : AllArchs()) {
    if (families.empty() || families.back() != arch.family) families.push_back(arch.family);
    if (arch.family != args.family && !arch.name.starts_with(args.family)) continue;
    found = true;
    for (ZooRow& row : ZooRows(arch)) {
      if (Passes(args, row.variant)) rows.push_back(std::move(row));
    }
  }
  if (!found) {
    Fail(ErrorKind::kUsage, "archs: there is no family '{}'; there are {}", args.family,
         fmt::join(families, ", "));
  }
  return rows;
}

std::string PercentText(double percent) {
  return percent > 0 ? fmt::format("{:.1f}", percent) : "";
}

Json PercentJson(double percent) { return percent > 0 ? Json(percent) : Json(nullptr); }

Json RowJson(const ZooRow& row) {
  return {{"name", row.name},
          {"family", row.arch->family},
          {"params", row.variant.params},
          {"macs", row.variant.macs},
          {"input", row.input},
          {"top1", PercentJson(row.variant.top1)},
          {"top5", PercentJson(row.variant.top5)},
          {"paper", row.arch->paper},
          {"source", row.variant.source}};
}

// What can be set of one architecture.
std::string OptionsText(const Arch& arch) {
  TextTable table("lll");
  for (const OptionDoc& option : arch.options) {
    table.Row({option.name, "[" + option.value + "]", option.doc});
  }
  return "\noptions of " + arch.name + ":\n" + table.ToString("  ");
}

// A table with a line for each architecture and its rows below.
std::string RowsText(const std::vector<ZooRow>& rows) {
  if (rows.empty()) return "no architecture meets these limits\n";
  TextTable table("lrrrrl", {"architecture", "input", "params", "MACs", "top-1 %", "published in"});
  const Arch* arch = nullptr;
  for (const ZooRow& row : rows) {
    if (arch == nullptr || arch->family != row.arch->family) table.Row({row.arch->family});
    arch = row.arch;
    const std::string& source = row.variant.source;
    table.Row({"  " + row.name, row.input, CountText(row.variant.params),
               CountText(row.variant.macs), PercentText(row.variant.top1),
               source.empty() ? arch->paper : source});
  }
  return table.ToString() +
         "\ntop-1: percent, as published, on ImageNet's validation set unless the source names "
         "other\ndata. Any width and size between these can be had: linnet show mobilenet_v1 "
         "--width 0.6 --size 144\n";
}

CommandResult Archs(const ArchsArgs& args, const CommandContext&) {
  const bool filtered = !args.family.empty() || args.max_macs.value != 0 ||
                        args.max_params.value != 0 || args.min_top1 != 0;
  if (args.markdown && filtered) {
    Fail(ErrorKind::kUsage,
         "archs: --markdown writes the page of the whole zoo; no family, no limits beside it");
  }
  CommandResult result{.json = Json::array()};
  const std::vector<ZooRow> rows = FindRows(args);
  for (const ZooRow& row : rows) result.json.push_back(RowJson(row));
  result.text = args.markdown ? ZooPage() : RowsText(rows);
  if (!args.family.empty() && !rows.empty()) result.text += OptionsText(*rows[0].arch);
  return result;
}

// ---- show ----

struct ShowArgs {
  static constexpr const char* kPositional = "arch";
  static constexpr std::array kRequired = {"arch"};
  std::string arch, dot, svg;
  OptionList arch_options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("arch", self.arch, "architecture, model file, or file with a graph's text");
    v("dot", self.dot, "write a Graphviz drawing to this file");
    v("svg", self.svg, "write a drawing to this file");
  }
};

CommandResult Show(const ShowArgs& args, const CommandContext&) {
  const NamedNetwork network = FindNetwork(args.arch, args.arch_options);
  const Cost cost = CountCost(network.graph);
  CommandResult result{.json = DrawJson(network.graph, cost),
                       .text = DrawTable(network.graph, cost)};
  result.json["name"] = network.name;
  const auto write = [&](const std::string& path, const std::string& drawing) {
    if (path.empty()) return;
    WriteFileAtomic(path, drawing);
    result.text += "written: " + path + "\n";
  };
  write(args.dot, DrawDot(network.graph, cost));
  write(args.svg, DrawSvg(network.graph, cost));
  return result;
}

}  // namespace

std::vector<Command> NetworkCommands() {
  return {
      MakeCommand<ArchsArgs>("archs",
                             "lists architectures with parameters, MACs, published accuracy",
                             "linnet archs --family mobilenet_v1 --max-macs 150M\n"
                             "linnet archs --max-params 5M --min-top1 70",
                             Archs),
      MakeCommand<ShowArgs>("show", "shows one network: layers, shapes, cost",
                            "linnet show mobilenet_v1 --width 0.5 --size 160\n"
                            "linnet show mobilenet_v1:width=0.25,size=96 --svg network.svg",
                            Show),
  };
}

}  // namespace linnet
