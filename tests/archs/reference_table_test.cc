// Every row of the reference table that has counts is a variant of the registry.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "archs/members.h"
#include "cost/cost.h"
#include "test_data.h"

namespace linnet {
namespace {

using testing::AllMembers;
using testing::Member;

// Rows that cannot be met, by name, each with its reason. At most five.
struct Exception {
  const char* row;
  const char* reason;
};
constexpr char kGroupsDoNotDivide[] =
    "the row counts floor(in / groups) * out of convolutions whose inputs the groups do not "
    "divide; no network has them (archs/shufflenet_v1.cc says how it rounds)";
constexpr Exception kExceptions[] = {
    {"ShuffleNetV1 0.5x g=2", kGroupsDoNotDivide},
    {"ShuffleNetV1 0.5x g=4", kGroupsDoNotDivide},
    {"ShuffleNetV1 0.25x g=2", kGroupsDoNotDivide},
    {"ShuffleNetV1 0.25x g=4", kGroupsDoNotDivide},
    {"RetinaNet ResNet-50-FPN (91)",
     "one head serves every level of the pyramid; parameters belong to nodes, which run once, so "
     "that here each level would have a head of its own"},
};
static_assert(std::size(kExceptions) <= 5);

// A row; -1 where the table has no number.
struct Row {
  std::string name;
  int64_t height = -1, width = -1, params = -1, macs = -1;
};

int64_t Number(const std::string& text) { return text.empty() ? -1 : std::stoll(text); }

// "224", "28x28x1", "227 (paper says 224)", "800x1216", "-".
void ReadInput(const std::string& text, Row& row) {
  int height = 0, width = 0;
  const int found = std::sscanf(text.c_str(), "%dx%d", &height, &width);
  if (found >= 1) row.height = row.width = height;
  if (found == 2) row.width = width;
}

std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  for (const std::string_view cell : SplitText(line, '\t')) cells.emplace_back(cell);
  return cells;
}

// The rows that have a number of parameters.
std::vector<Row> ReadTable(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  std::map<std::string, size_t> column;
  for (const std::string& name : Cells(line)) column.emplace(name, column.size());
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = Cells(line);
    Row row{.name = cells[column.at("name")]};
    ReadInput(cells[column.at("input")], row);
    row.params = Number(cells[column.at("params_trainable")]);
    row.macs = Number(cells[column.at("madds_conv_fc")]);
    if (row.params >= 0) rows.push_back(std::move(row));
  }
  return rows;
}

// Rows that count the graph of training include the auxiliary heads' multiply-adds.
bool CountsAgree(const Row& row, const Member& member) {
  if (member.variant->params != row.params) return false;
  if (row.height < 0 && row.macs < 0) return true;
  const Cost cost = CountCost(BuildArch(member.spec()));
  const Shape& input = cost.layers[0].output;
  return (row.macs < 0 || cost.macs == row.macs || cost.training_macs == row.macs) &&
         (row.height < 0 || (input.h() == row.height && input.w() == row.width));
}

// What comes near, for the message.
std::string NearMembers(const Row& row) {
  std::string text;
  for (const Member& member : AllMembers()) {
    if (member.variant->params != row.params && member.variant->macs != row.macs) continue;
    text += fmt::format("\n  {}: {} parameters, {} multiply-adds", ToString(member.spec()),
                        member.variant->params, member.variant->macs);
  }
  return text.empty() ? "\n  none shares a count" : text;
}

TEST(ReferenceTable, EveryRowIsAVariant) {
  const auto path = TestData("../reference/architectures.tsv");
  if (!path) GTEST_SKIP() << "there is no reference/architectures.tsv beside the data folder";
  std::map<std::string, const char*> exceptions;
  for (const Exception& e : kExceptions) exceptions[e.row] = e.reason;
  const std::vector<Member> members = AllMembers();
  std::set<const Variant*> taken;  // two rows with the same counts are two networks
  for (const Row& row : ReadTable(*path)) {
    const auto found = std::find_if(members.begin(), members.end(), [&](const Member& member) {
      return taken.count(member.variant) == 0 && CountsAgree(row, member);
    });
    if (found != members.end()) taken.insert(found->variant);
    const bool excepted = exceptions.erase(row.name) > 0;
    EXPECT_NE(found != members.end(), excepted)
        << row.name << ": expected a variant of input " << row.height << "x" << row.width
        << " with " << row.params << " parameters and " << row.macs << " multiply-adds"
        << (excepted ? ", and there is one: it needs no exception" : "; near are")
        << (excepted ? "" : NearMembers(row));
  }
  EXPECT_TRUE(exceptions.empty()) << "no row is called " << exceptions.begin()->first;
}

}  // namespace
}  // namespace linnet
