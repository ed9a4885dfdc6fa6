// data check, data make.
#include <array>

#include "api/commands.h"
#include "data/check.h"
#include "data/dataset.h"
#include "data/shapes.h"

namespace linnet {
namespace {

// ---- data check ----

struct DataCheckArgs {
  static constexpr const char* kPositional = "data";
  static constexpr std::array kRequired = {"data"};
  std::string data;
  int tiny_side = 16, list = 10, threads = 0;
  bool near_duplicates = true;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("data", self.data, "data set: folder, tar, IDX, CIFAR, or shapes:count=2000,size=48");
    v("near_duplicates", self.near_duplicates,
      "also look for pictures that are nearly the same (resized, recompressed)");
    v("tiny_side", self.tiny_side, "pictures with a shorter side are listed as tiny");
    v("list", self.list, "files of a kind to list for people; --json has all");
    v("threads", self.threads, "threads to use; 0: the processors this process may use");
  }
};

// What would make a training or its accuracy wrong. Doubles within a split, tiny and repaired
// pictures are told and tolerated.
bool MustBeMended(const DataReport& report) {
  const bool wrong_doubles =
      std::any_of(report.duplicates.begin(), report.duplicates.end(),
                  [](const DuplicateGroup& group) { return group.leaks() || group.mislabelled(); });
  return wrong_doubles || !report.broken.empty() || !report.problems.empty();
}

CommandResult DataCheck(const DataCheckArgs& args, const CommandContext& context) {
  const Dataset data = OpenDataset(args.data, {.strict = false});
  ThreadPool pool(args.threads);
  const DataReport report =
      CheckDataset(data, &pool, context.progress,
                   {.tiny_side = args.tiny_side, .near_duplicates = args.near_duplicates});
  return {.json = ReportToJson(report),
          .text = ReportToText(report, args.list),
          .exit_code = MustBeMended(report) ? static_cast<int>(ErrorKind::kData) : 0};
}

// ---- data make ----

struct DataMakeArgs {
  static constexpr const char* kPositional = "kind";
  static constexpr std::array kRequired = {"out"};
  std::string kind = "shapes", out;
  ShapesOptions options;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("kind", self.kind, "shapes: ten kinds of shape in random colour, size, texture, noise");
    v("out", self.out, "folder to make, or an archive if it ends with .tar");
    ShapesOptions::VisitFields(self.options, v);
  }
};

CommandResult DataMake(const DataMakeArgs& args, const CommandContext& context) {
  if (args.kind != "shapes") {
    Fail(ErrorKind::kUsage, "data make: there is no set '{}'; there is 'shapes'", args.kind);
  }
  WriteShapes(args.out, args.options, context.progress);
  return {
      .json = {{"kind", args.kind},
               {"out", args.out},
               {"images", args.options.count},
               {"size", args.options.size},
               {"seed", args.options.seed},
               {"classes", kShapeNames}},
      .text = fmt::format("{}: {} pictures of {}x{} in {} classes\n", args.out, args.options.count,
                          args.options.size, args.options.size, kShapeNames.size())};
}

}  // namespace

std::vector<Command> DataCommands() {
  return {
      MakeCommand<DataCheckArgs>("data check",
                                 "looks for broken, duplicate, leaking, mislabelled pictures and "
                                 "missing classes; exit code 3 for all but harmless duplicates",
                                 "linnet data check pictures", DataCheck),
      MakeCommand<DataMakeArgs>("data make", "makes the built-in synthetic data set",
                                "linnet data make shapes --out pictures --count 4000 --size 48",
                                DataMake),
  };
}

}  // namespace linnet
