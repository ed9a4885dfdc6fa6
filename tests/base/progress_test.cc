#include "base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace linnet {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Written {
  std::string text;
  ProgressSink Sink(ProgressSink::Style style) {
    return {style, [this](std::string_view piece) { text += piece; }, 60, 0};
  }
};

TEST(Progress, PlainLinesElsewhere) {
  Written written;
  Progress progress(written.Sink(ProgressSink::Style::kLines), "train", 200, "images");
  progress.Update(50, "loss 1.5");
  EXPECT_THAT(written.text, StartsWith("train  25% 50/200 | "));
  EXPECT_THAT(written.text, HasSubstr(" images/s | left "));
  EXPECT_THAT(written.text, EndsWith(" | loss 1.5\n"));
  EXPECT_THAT(written.text, Not(HasSubstr("\r")));
  written.text.clear();
  progress.Update(200);
  written.text.clear();
  progress.Finish("top-1 90 %");
  EXPECT_THAT(written.text, StartsWith("train 100% 200/200 | "));
  EXPECT_THAT(written.text, HasSubstr(" | took 0:0"));
  EXPECT_THAT(written.text, EndsWith(" | top-1 90 %\n"));
}

TEST(Progress, BarFitsTheTerminalAndIsWiped) {
  Written written;
  {
    Progress progress(written.Sink(ProgressSink::Style::kBar), "train", 200, "images");
    progress.Update(100, std::string(100, 'x'));
    EXPECT_THAT(written.text, StartsWith("\r\x1b[Ktrain [############............]  50% 100/200"));
    EXPECT_EQ(written.text.size(), 4u + 59u);
    written.text.clear();
  }
  EXPECT_EQ(written.text, "\r\x1b[K");
}

TEST(Progress, WordsDoNotBreakTheBar) {
  Written written;
  const ProgressSink sink = written.Sink(ProgressSink::Style::kBar);
  sink.Say("skipped a.jpg");
  EXPECT_EQ(written.text, "\r\x1b[Kskipped a.jpg\n");
}

TEST(Progress, DrawsOnlyWhenItIsTime) {
  Written written;
  ProgressSink sink = written.Sink(ProgressSink::Style::kLines);
  sink.interval_s = 3600;
  Progress progress(sink, "train", 10);
  for (int i = 0; i <= 10; ++i) progress.Update(i);
  EXPECT_EQ(written.text, "");
}

TEST(Progress, ResumedWorkIsNoThroughput) {
  Written written;
  Progress progress(written.Sink(ProgressSink::Style::kLines), "train", 1000);
  progress.Resume(500);
  progress.Update(500);
  EXPECT_EQ(written.text, "train  50% 500/1000\n");
}

TEST(Progress, QuietWritesNothing) {
  Written written;
  const ProgressSink sink = written.Sink(ProgressSink::Style::kQuiet);
  Progress progress(sink, "train", 10);
  progress.Update(5);
  progress.Finish();
  sink.Say("words");
  EXPECT_EQ(written.text, "");
  Progress without_a_sink(ProgressSink::Quiet(), "train", 10);
  without_a_sink.Update(5);
  without_a_sink.Finish();
}

TEST(Progress, ClockText) {
  EXPECT_EQ(ClockText(0.4), "0:00");
  EXPECT_EQ(ClockText(67), "1:07");
  EXPECT_EQ(ClockText(3723), "1:02:03");
}

}  // namespace
}  // namespace linnet
