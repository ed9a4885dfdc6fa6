#include "ops/digit_codes.h"

#include <array>

namespace linnet {
namespace {

constexpr int kRows = 12, kColumns = 7, kPerLine = 5;

// Two lines of five digits.
// clang-format off
constexpr const char* kDrawings[2 * kRows] = {
    "....... ....... ....... ....... .......",
    "..###.. ...##.. .#####. ####### ....##.",
    ".##.##. ..###.. ##...## .....## ...###.",
    "##...## .####.. .....## ....##. ..####.",
    "##...## ...##.. .....## ...##.. .##.##.",
    "##...## ...##.. ....##. ..####. ##..##.",
    "##...## ...##.. ...##.. .....## ##..##.",
    "##...## ...##.. ..##... .....## #######",
    "##...## ...##.. .##.... .....## ....##.",
    ".##.##. ...##.. ##..... ##...## ....##.",
    "..###.. .###### ####### .#####. ....##.",
    "....... ....... ....... ....... .......",

    "....... ....... ....... ....... .......",
    "####### ...###. ####### .#####. .#####.",
    "##..... ..##... .....## ##...## ##...##",
    "##..... .##.... .....## ##...## ##...##",
    "##..... ##..... ....##. ##...## ##...##",
    "######. ######. ....##. .#####. ##...##",
    ".....## ##...## ...##.. ##...## .######",
    ".....## ##...## ...##.. ##...## .....##",
    ".....## ##...## ..##... ##...## ....##.",
    "##...## ##...## ..##... ##...## ...##..",
    ".#####. .#####. ..##... .#####. .###...",
    "....... ....... ....... ....... .......",
};
// clang-format on

std::array<float, kDigits * kDigitPixels> ReadDrawings() {
  std::array<float, kDigits * kDigitPixels> codes;
  size_t i = 0;
  for (int digit = 0; digit < kDigits; ++digit) {
    for (int row = 0; row < kRows; ++row) {
      const char* line = kDrawings[digit / kPerLine * kRows + row];
      const char* pixels = line + digit % kPerLine * (kColumns + 1);
      for (int column = 0; column < kColumns; ++column) codes[i++] = pixels[column] == '#' ? 1 : -1;
    }
  }
  return codes;
}

}  // namespace

std::span<const float> DigitCodes() {
  static const auto codes = ReadDrawings();
  return codes;
}

}  // namespace linnet
