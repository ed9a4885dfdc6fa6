#include "kernels/machine_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "test_data.h"

namespace linnet::kernels {
namespace {

// The cache folder is a temporary one while it lives.
class MachineStore : public testing::Test {
 protected:
  MachineStore() { setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }
  ~MachineStore() override { unsetenv("XDG_CACHE_HOME"); }

  std::string OnlyFile() const {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(UserCacheFolder())) {
      EXPECT_TRUE(found.empty());
      found = entry.path();
    }
    return found;
  }

  const TemporaryFolder folder_;
};

TEST_F(MachineStore, MeasuresOnceAndAgainWhenAsked) {
  const KnownMachine first = MachineOnce(nullptr, false);
  EXPECT_FALSE(first.remembered);
  const KnownMachine second = MachineOnce(nullptr, false);
  EXPECT_TRUE(second.remembered);
  EXPECT_EQ(second.measured, first.measured);
  EXPECT_EQ(MachineToJson(second.machine), MachineToJson(first.machine));
  EXPECT_FALSE(MachineOnce(nullptr, true).remembered);
  EXPECT_FALSE(OnlyFile().empty());
}

TEST_F(MachineStore, WhatIsNoneOfItsFilesIsMeasuredAnew) {
  MachineOnce(nullptr, false);
  const std::string path = OnlyFile();
  for (const char* text : {"", "{", "[]", "{\"format\": 1}", "{\"format\": 0, \"machine\": {}}",
                           "{\"format\": 1, \"measured\": 3, \"machine\": {\"peaks\": []}}"}) {
    WriteFileAtomic(path, text);
    EXPECT_FALSE(MachineOnce(nullptr, false).remembered) << text;
    EXPECT_TRUE(MachineOnce(nullptr, false).remembered) << text;
  }
}

TEST_F(MachineStore, AFolderThatCannotBeWrittenIsNoError) {
  WriteFileAtomic(folder_ / "linnet", "a file where the folder should be");
  EXPECT_FALSE(MachineOnce(nullptr, false).remembered);
  EXPECT_FALSE(MachineOnce(nullptr, false).remembered);
}

}  // namespace
}  // namespace linnet::kernels
