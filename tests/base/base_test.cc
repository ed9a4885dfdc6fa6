#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <bit>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/tensor.h"
#include "test_data.h"

namespace linnet {
namespace {

// Known answers of Random123 (kat_vectors, philox4x32 10 rounds).
TEST(Philox, KnownAnswers) {
  const std::array<uint32_t, 4> zeros = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  const std::array<uint32_t, 4> ones = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
  EXPECT_EQ(Philox(0, 0, 0), zeros);
  EXPECT_EQ(Philox(~0ull, ~0ull, ~0ull), ones);
}

TEST(Rng, MomentsAndStreams) {
  Rng rng(1, 2), other(1, 3);
  double mean = 0, square = 0, uniform = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double x = rng.Normal();
    mean += x / kCount;
    square += x * x / kCount;
    uniform += rng.Uniform() / kCount;
  }
  EXPECT_NEAR(mean, 0, 0.015);
  EXPECT_NEAR(square, 1, 0.02);
  EXPECT_NEAR(uniform, 0.5, 0.005);
  EXPECT_NE(Rng(1, 2).Next(), other.Next());
}

TEST(Tensor, CopiesShareClonesDoNot) {
  Tensor a(Shape{2, 3});
  Tensor shared = a, clone = a.Clone();
  a.data()[5] = 7;
  EXPECT_EQ(shared.data()[5], 7);
  EXPECT_EQ(clone.data()[5], 0);
  EXPECT_EQ(a.Reshaped({6}).shape().ToString(), "[6]");
  EXPECT_THROW(a.Reshaped({5}), Error);
}

TEST(File, AtomicWriteKeepsTheOldFileOnFailure) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  WriteFileAtomic(path, "old");
  std::filesystem::create_directories(path + ".tmp/x");  // the temporary cannot be opened
  EXPECT_THROW(WriteFileAtomic(path, "new"), Error);
  EXPECT_EQ(ReadFile(path), "old");
  std::filesystem::remove_all(path + ".tmp");
  WriteFileAtomic(path, "new");
  EXPECT_EQ(ReadFile(path), "new");
  EXPECT_THROW(ReadFile(path + ".none"), Error);
  EXPECT_THROW(ReadFile(folder.path()), Error);
}

// What is no file is not replaced by one, and a link in the way is not followed.
TEST(File, AtomicWriteReplacesFilesOnly) {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe", other = folder / "other", path = folder / "a.bin";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(WriteFileAtomic(pipe, "new"), Error);
  EXPECT_THROW(WriteFileAtomic("/dev/null", "new"), Error);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  WriteFileAtomic(other, "precious");
  std::filesystem::create_symlink(other, path + ".tmp");
  EXPECT_THROW(WriteFileAtomic(path, "new"), Error);
  EXPECT_EQ(ReadFile(other), "precious");
  std::filesystem::remove(path + ".tmp");
  ASSERT_EQ(mkfifo((path + ".tmp").c_str(), 0600), 0);
  EXPECT_THROW(WriteFileAtomic(path, "new"), Error);
}

TEST(File, AtomicWriteKeepsPermissions) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  WriteFileAtomic(path, "old");
  const auto mine = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  std::filesystem::permissions(path, mine);
  WriteFileAtomic(path, "new");
  EXPECT_EQ(std::filesystem::status(path).permissions(), mine);
}

TEST(File, TwoWritersLeaveOneWholeFile) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.bin";
  WriteFileAtomic(path, "");
  std::atomic<bool> done = false;
  const auto write = [&](char letter) {
    for (int i = 0; i < 50; ++i) WriteFileAtomic(path, std::string(1 << (10 + i % 10), letter));
  };
  std::thread a(write, 'a'), b(write, 'b');
  std::thread reader([&] {
    while (!done) {
      const std::string text = ReadFile(path);
      ASSERT_EQ(text, std::string(text.size(), text.empty() ? ' ' : text[0]));
      ASSERT_TRUE(text.empty() || std::has_single_bit(text.size())) << text.size();
    }
  });
  a.join();
  b.join();
  done = true;
  reader.join();
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST(Arena, BuffersAliveTogetherDoNotOverlap) {
  Rng rng(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> buffers(1 + rng.Below(40));
    for (Lifetime& b : buffers) {
      b.first = static_cast<int>(rng.Below(30));
      b.last = b.first + static_cast<int>(rng.Below(8));
      b.bytes = 64 * rng.Below(100);
    }
    const ArenaPlan plan = PlanArena(buffers);
    EXPECT_GE(plan.bytes, PeakBytes(buffers));
    for (size_t i = 0; i < buffers.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 64, 0u);
      EXPECT_LE(plan.offsets[i] + buffers[i].bytes, plan.bytes);
      for (size_t j = 0; j < i; ++j) {
        const bool together =
            buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
        const bool apart = plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                           plan.offsets[j] + buffers[j].bytes <= plan.offsets[i];
        EXPECT_TRUE(!together || apart || buffers[i].bytes == 0 || buffers[j].bytes == 0);
      }
    }
  }
}

TEST(Arena, AChainNeedsTwoBuffers) {
  const std::vector<Lifetime> chain = {{0, 1, 640}, {1, 2, 640}, {2, 3, 640}, {3, 4, 640}};
  EXPECT_EQ(PlanArena(chain).bytes, 1280u);
  EXPECT_EQ(PeakBytes(chain), 1280u);
}

// A 1x1 convolution that widens, after a separable one: the largest first leaves a hole (the first
// blocks of MnasNet-B1, whose arena was a quarter larger than its maps need).
TEST(Arena, FillsHolesThatTheLargestFirstLeaves) {
  const std::vector<Lifetime> maps = {
      {0, 1, 1600 * 64}, {1, 2, 1600 * 64}, {2, 3, 800 * 64}, {3, 4, 2400 * 64}, {4, 5, 600 * 64}};
  EXPECT_EQ(PlanArena(maps).bytes, PeakBytes(maps));
}

}  // namespace
}  // namespace linnet
