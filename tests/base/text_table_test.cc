#include "base/text_table.h"

#include <gtest/gtest.h>

#include "base/nearest.h"

namespace linnet {
namespace {

TEST(TextTable, Aligns) {
  TextTable table("lr", {"name", "MACs"});
  table.Row({"a", "12"});
  table.Row({"\xc3\xa9t\xc3\xa9"});  // three letters in five bytes
  table.Rule();
  table.Row({"sum", "1000000"});
  EXPECT_EQ(table.ToString(" "),
            " name     MACs\n"
            " -------------\n"
            " a          12\n"
            " \xc3\xa9t\xc3\xa9\n"
            " -------------\n"
            " sum   1000000\n");
}

TEST(Nearest, FindsWhatWasMeant) {
  const std::string verbs[] = {"archs", "show", "train", "time"};
  EXPECT_EQ(Nearest("trian", verbs), "train");
  EXPECT_EQ(Nearest("arch", verbs), "archs");
  EXPECT_EQ(Nearest("x", {}), "");
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace linnet
