// Packed weights that are kept: the same answers, and from damaged or forged files none or the
// same, never a crash.
#include "infer/packed_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "archs/arch.h"
#include "base/error.h"
#include "base/file.h"
#include "infer/plan_outputs.h"
#include "random_graph.h"
#include "test_data.h"

namespace linnet {
namespace {

constexpr const char* kKey = "a key";

std::vector<float> RunOnce(Plan& plan) { return testing::Outputs(plan, nullptr); }

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class PackedFile : public ::testing::Test {
 protected:
  // Compiles, and writes what it packed.
  std::unique_ptr<Plan> CompileAndKeep(const Graph& graph) {
    auto plan = Compile(graph, testing::LivelyParams(graph, 3));
    const auto packed = PackedOf(*plan);
    EXPECT_TRUE(packed.has_value());
    EXPECT_TRUE(WritePackedFile(path_, kKey, *packed));
    return plan;
  }
  // From the file; null where it is not taken.
  std::unique_ptr<Plan> FromFile() {
    const auto packed = ReadPackedFile(path_, kKey);
    try {
      return packed ? CompilePacked(*packed, {}) : nullptr;
    } catch (const Error&) {
      return nullptr;
    }
  }
  size_t FilesInFolder() const {
    const std::filesystem::directory_iterator files(folder_.path());
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_ / "packed";
};

const char* const kSmall = "mobilenet_v3_small:width=0.5,size=64,classes=11";

TEST_F(PackedFile, GivesTheSamePlan) {
  const char* const networks[] = {kSmall, "mobilenet_v1:width=0.25,size=64,classes=13"};
  for (const char* name : networks) {
    SCOPED_TRACE(name);
    const auto plan = CompileAndKeep(BuildArch(name));
    const auto again = FromFile();
    ASSERT_NE(again, nullptr);
    EXPECT_TRUE(SameBits(RunOnce(*plan), RunOnce(*again)));
    EXPECT_EQ(GraphToText(plan->graph()), GraphToText(again->graph()));
    EXPECT_EQ(plan->arena_bytes(), again->arena_bytes());
    ASSERT_EQ(plan->steps().size(), again->steps().size());
    for (size_t i = 0; i < plan->steps().size(); ++i) {
      EXPECT_EQ(plan->steps()[i].kernel, again->steps()[i].kernel);
    }
    EXPECT_EQ(FilesInFolder(), 1u);  // no temporary file is left
  }
}

TEST_F(PackedFile, GivesTheSamePlanOfAnyGraph) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const auto plan = CompileAndKeep(testing::RandomGraph(seed));
    const auto again = FromFile();
    ASSERT_NE(again, nullptr);
    EXPECT_TRUE(SameBits(RunOnce(*plan), RunOnce(*again)));
  }
}

TEST_F(PackedFile, TwinsOfItShareItsMemory) {
  CompileAndKeep(BuildArch(kSmall));
  const auto plan = FromFile();
  ASSERT_NE(plan, nullptr);
  const auto twin = plan->Twin();
  const auto packed = PackedOf(*plan), of_twin = PackedOf(*twin);
  for (size_t i = 0; i < packed->steps.size(); ++i) {
    for (size_t k = 0; k < packed->steps[i].arrays.size(); ++k) {
      EXPECT_EQ(packed->steps[i].arrays[k].data<char>(), of_twin->steps[i].arrays[k].data<char>());
    }
  }
  EXPECT_TRUE(SameBits(RunOnce(*plan), RunOnce(*twin)));
}

TEST_F(PackedFile, AnotherKeyIsSomebodyElses) {
  CompileAndKeep(BuildArch(kSmall));
  EXPECT_EQ(ReadPackedFile(path_, "another key"), nullptr);
  EXPECT_EQ(ReadPackedFile(path_ + ".absent", kKey), nullptr);
  EXPECT_EQ(ReadPackedFile(folder_.path(), kKey), nullptr);
}

TEST_F(PackedFile, WhereItCannotBeWrittenNothingIsRemembered) {
  const Graph graph = BuildArch(kSmall);
  const auto plan = Compile(graph, testing::LivelyParams(graph, 3));
  EXPECT_FALSE(WritePackedFile(folder_ / "no/such/folder", kKey, *PackedOf(*plan)));
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(WritePackedFile(path_, kKey, *PackedOf(*plan)));
  EXPECT_EQ(FilesInFolder(), 1u);
}

TEST_F(PackedFile, DamagedIsNotTaken) {
  const auto expected = RunOnce(*CompileAndKeep(BuildArch(kSmall)));
  const std::string whole = ReadFile(path_);
  for (size_t size = 0; size < whole.size(); size += 1 + whole.size() / 97) {
    WriteFileAtomic(path_, std::string_view(whole).substr(0, size));
    EXPECT_EQ(FromFile(), nullptr) << "cut to " << size;
  }
  WriteFileAtomic(path_, whole + std::string(64, '\0'));
  EXPECT_EQ(FromFile(), nullptr) << "something after its end";
  int taken = 0;
  for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 499) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    WriteFileAtomic(path_, flipped);
    const auto plan = FromFile();
    if (plan == nullptr) continue;
    ++taken;
    EXPECT_TRUE(SameBits(RunOnce(*plan), expected)) << "byte " << at;
  }
  // The header's padding, and what only says how the weights were chosen, may differ.
  EXPECT_LT(taken, 5);
}

TEST_F(PackedFile, ForgedDoesNotCrash) {
  const auto plan = CompileAndKeep(BuildArch(kSmall));
  const PackedNetwork good = *PackedOf(*plan);
  const auto refused = [&](auto&& change) {
    PackedNetwork forged = good;
    change(forged);
    EXPECT_TRUE(WritePackedFile(path_, kKey, forged));
    EXPECT_EQ(FromFile(), nullptr);
  };
  refused([](PackedNetwork& n) { n.steps.pop_back(); });
  refused([](PackedNetwork& n) { n.steps.push_back(n.steps[0]); });
  refused([](PackedNetwork& n) { n.steps[0].kernel = "another"; });
  refused([](PackedNetwork& n) { n.steps[0].implementation = "another"; });
  refused([](PackedNetwork& n) { n.steps[0].arrays.pop_back(); });
  refused([](PackedNetwork& n) { n.steps[0].arrays[0] = Tensor({4}); });
  refused([](PackedNetwork& n) { n.graph = BuildArch("mobilenet_v1:width=0.25,size=64"); });
  refused([](PackedNetwork& n) { n.graph.nodes.pop_back(); });
}

}  // namespace
}  // namespace linnet
