// The report of a check, for scripts and for people.
#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/fields.h"
#include "data/check.h"

namespace linnet {
namespace {

using Json = nlohmann::ordered_json;

Json FilesToJson(const std::vector<BrokenImage>& images, const char* reason) {
  Json list = Json::array();
  for (const BrokenImage& image : images)
    list.push_back({{"file", image.name}, {reason, image.error}});
  return list;
}

using Filter = bool (DuplicateGroup::*)() const;

Json GroupsToJson(const std::vector<DuplicateGroup>& groups, Filter filter) {
  Json list = Json::array();
  for (const DuplicateGroup& group : groups) {
    if (filter != nullptr && !(group.*filter)()) continue;
    list.push_back({{"kind", group.exact ? "exact" : "near"},
                    {"files", group.files},
                    {"splits", group.splits},
                    {"labels", group.labels}});
  }
  return list;
}

// A heading and at most 'most' of the lines.
void AddList(const std::string& heading, const std::vector<std::string>& lines, int most,
             std::string& text) {
  if (lines.empty()) return;
  text += fmt::format("{}: {}\n", heading, lines.size());
  for (size_t i = 0; i < lines.size() && i < static_cast<size_t>(most); ++i)
    text += "  " + lines[i] + "\n";
  if (lines.size() > static_cast<size_t>(most)) {
    text += fmt::format("  ... and {} more\n", lines.size() - static_cast<size_t>(most));
  }
}

void AddGroups(const std::string& heading, const DataReport& report, Filter filter, int most,
               std::string& text) {
  std::vector<std::string> lines;
  for (const DuplicateGroup& group : report.duplicates) {
    if (filter != nullptr && !(group.*filter)()) continue;
    std::string line = group.exact ? "same" : "alike";
    for (const std::string& file : group.files)
      line += (&file == &group.files[0] ? ": " : " = ") + file;
    lines.push_back(line);
  }
  AddList(heading, lines, most, text);
}

void AddClasses(const DataReport& report, std::string& text) {
  size_t width = 5;
  for (const ClassCount& c : report.classes) width = std::max(width, c.name.size());
  text += fmt::format("{:<{}} {:>8} {:>8} {:>8}\n", "class", width, "train", "val", "test");
  for (const ClassCount& c : report.classes) {
    text += fmt::format("{:<{}} {:>8} {:>8} {:>8}\n", c.name, width, c.counts[0], c.counts[1],
                        c.counts[2]);
  }
}

}  // namespace

nlohmann::ordered_json ReportToJson(const DataReport& report) {
  Json counts = Json::array(), tiny = Json::array();
  for (const ClassCount& c : report.classes) {
    counts.push_back(
        {{"class", c.name}, {"train", c.counts[0]}, {"val", c.counts[1]}, {"test", c.counts[2]}});
  }
  for (const TinyImage& image : report.tiny) {
    tiny.push_back({{"file", image.name}, {"width", image.width}, {"height", image.height}});
  }
  return {{"path", report.path},
          {"format", report.format},
          {"images", report.images},
          {"classes", report.classes.size()},
          {"class_counts", counts},
          {"imbalance", report.imbalance()},
          {"smallest", report.smallest},
          {"largest", report.largest},
          {"broken", FilesToJson(report.broken, "error")},
          {"damaged", FilesToJson(report.damaged, "warning")},
          {"duplicates", GroupsToJson(report.duplicates, nullptr)},
          {"leaks", GroupsToJson(report.duplicates, &DuplicateGroup::leaks)},
          {"mislabelled", GroupsToJson(report.duplicates, &DuplicateGroup::mislabelled)},
          {"tiny", tiny},
          {"problems", report.problems},
          {"notes", report.notes},
          {"clean", report.clean()}};
}

std::string ReportToText(const DataReport& report, int most) {
  std::string text =
      fmt::format("{} ({}): {} images, {} classes, {} x {} to {} x {} pixels\n", report.path,
                  report.format, report.images, report.classes.size(), report.smallest[0],
                  report.smallest[1], report.largest[0], report.largest[1]);
  AddClasses(report, text);
  if (report.imbalance() >= 2) {
    text += fmt::format("largest class of train over smallest: {:.1f}\n", report.imbalance());
  }
  std::vector<std::string> broken, damaged, tiny;
  for (const BrokenImage& image : report.broken) broken.push_back(image.error);
  for (const BrokenImage& image : report.damaged)
    damaged.push_back(image.name + ": " + image.error);
  for (const TinyImage& image : report.tiny) {
    tiny.push_back(fmt::format("{}: {} x {}", image.name, image.width, image.height));
  }
  AddList("problems", report.problems, most, text);
  AddList("broken", broken, most, text);
  AddList("damaged, but decoded", damaged, most, text);
  AddGroups("in two splits (leaks)", report, &DuplicateGroup::leaks, most, text);
  AddGroups("in two classes (mislabelled?)", report, &DuplicateGroup::mislabelled, most, text);
  AddGroups("duplicates of every kind", report, nullptr, most, text);
  AddList("tiny", tiny, most, text);
  AddList("notes", report.notes, most, text);
  if (report.clean()) text += "nothing to mend\n";
  return text;
}

}  // namespace linnet
