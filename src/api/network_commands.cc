// archs, show: networks without weights.
#include <array>

#include "api/commands.h"
#include "api/network.h"
#include "archs/arch.h"
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
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("family", self.family, "only this family, or architectures whose name begins so");
    v("max_macs", self.max_macs, "at most so many multiply-adds: 600M; 0: any");
    v("max_params", self.max_params, "at most so many parameters: 5M; 0: any");
  }
};

struct ArchRow {
  std::string name, family, input, paper;
  int64_t params, macs;
  Variant variant;
};

ArchRow MakeRow(const Arch& arch, const Variant& variant) {
  const std::string name = arch.name + (variant.options.empty() ? "" : ":") + variant.options;
  const Cost cost = CountCost(BuildArch(name));
  return {name,      arch.family, ShapeText(cost.layers[0].output), arch.paper, cost.params,
          cost.macs, variant};
}

std::vector<ArchRow> ArchRows(const ArchsArgs& args) {
  std::vector<ArchRow> rows;
  std::vector<std::string> families;
  for (const Arch& arch : AllArchs()) {
    families.push_back(arch.family);
    if (arch.family != args.family && !arch.name.starts_with(args.family)) continue;
    std::vector<Variant> variants = arch.variants;
    if (variants.empty()) variants.emplace_back();
    for (const Variant& variant : variants) rows.push_back(MakeRow(arch, variant));
  }
  if (rows.empty()) {
    families.erase(std::unique(families.begin(), families.end()), families.end());
    Fail(ErrorKind::kUsage, "archs: there is no family '{}'; there are {}", args.family,
         ListToText(families));
  }
  std::erase_if(rows, [&](const ArchRow& row) {
    return (args.max_macs.value > 0 && row.macs > args.max_macs.value) ||
           (args.max_params.value > 0 && row.params > args.max_params.value);
  });
  return rows;
}

std::string PercentText(double percent) {
  return percent > 0 ? fmt::format("{:.1f}", percent) : "";
}

Json PercentJson(double percent) { return percent > 0 ? Json(percent) : Json(nullptr); }

CommandResult Archs(const ArchsArgs& args, const CommandContext&) {
  CommandResult result{.json = Json::array()};
  TextTable table("lrrrrl", {"architecture", "input", "params", "MACs", "top-1 %", "published in"});
  for (const ArchRow& row : ArchRows(args)) {
    const std::string& source = row.variant.source;
    table.Row({row.name, row.input, CountText(row.params), CountText(row.macs),
               PercentText(row.variant.top1), source.empty() ? row.paper : source});
    result.json.push_back({{"name", row.name},
                           {"family", row.family},
                           {"params", row.params},
                           {"macs", row.macs},
                           {"input", row.input},
                           {"top1", PercentJson(row.variant.top1)},
                           {"top5", PercentJson(row.variant.top5)},
                           {"paper", row.paper},
                           {"source", source}});
  }
  result.text = table.ToString() +
                "\ntop-1: percent on ImageNet's validation set, as published. Any width and size "
                "between\nthese can be had: linnet show mobilenet_v1 --width 0.6 --size 144\n";
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
                             "linnet archs --family mobilenet_v1 --max-macs 150M", Archs),
      MakeCommand<ShowArgs>("show", "shows one network: layers, shapes, cost",
                            "linnet show mobilenet_v1 --width 0.5 --size 160\n"
                            "linnet show mobilenet_v1:width=0.25,size=96 --svg network.svg",
                            Show),
  };
}

}  // namespace linnet
