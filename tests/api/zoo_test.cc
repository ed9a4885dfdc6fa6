#include "api/zoo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/run_for_test.h"
#include "base/file.h"

namespace linnet {
namespace {

using testing::HasSubstr;

// Not compared by EXPECT_EQ, which would print both pages.
TEST(Zoo, ThePageIsUpToDate) {
  EXPECT_TRUE(ReadFile(LINNET_SOURCE_DIR "/docs/zoo.md") == ZooPage())
      << "docs/zoo.md is not what the registry says now; write it again:\n"
         "  linnet archs --markdown > docs/zoo.md";
}

TEST(Zoo, ThePageHasEveryArchitecture) {
  const std::string page = ZooPage();
  for (const Arch& arch : AllArchs()) {
    EXPECT_THAT(page, HasSubstr("\n- **" + arch.name + "**: "));
    for (const Variant& variant : arch.variants) EXPECT_THAT(page, HasSubstr(variant.options));
  }
  EXPECT_THAT(page, HasSubstr("| `mobilenet_v1:width=0.5,size=160` | 160x160x3 | 1,331,592 | "
                              "76,524,800 | 60.2 |  | 1704.04861 table 9 |"));
  EXPECT_THAT(page, HasSubstr("[1704.04861](https://arxiv.org/abs/1704.04861)"));
  EXPECT_EQ(Linnet({"archs", "--markdown"}).out, page);
}

TEST(Archs, TheWholePageOrAFilter) {
  for (const auto& filter : {"mobilenet_v1", "max_macs=1M", "max_params=1M", "min_top1=70"}) {
    const auto ran = Linnet({"archs", filter, "--markdown"});
    EXPECT_EQ(ran.code, 2) << filter;
    EXPECT_THAT(ran.err, HasSubstr("--markdown writes the page of the whole zoo")) << filter;
  }
}

TEST(Archs, ListsByFamily) {
  const std::string text = Linnet({"archs", "mobilenet_v1", "--min-top1", "70"}).out;
  EXPECT_THAT(text, HasSubstr("\nmobilenet_v1\n  mobilenet_v1:width=1,size=224 "));
  EXPECT_THAT(text, testing::Not(HasSubstr("width=0.25")));
  EXPECT_THAT(text, testing::ContainsRegex("options of mobilenet_v1:\n +width +\\[1\\] "));
  EXPECT_THAT(Linnet({"archs", "--max-macs", "1"}).out, HasSubstr("no architecture"));
}

}  // namespace
}  // namespace linnet
