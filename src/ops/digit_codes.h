// Pictures of the ten digits as codes: what LeNet-5's last layer compares its features with.
#ifndef LINNET_OPS_DIGIT_CODES_H_
#define LINNET_OPS_DIGIT_CODES_H_

#include <cstdint>
#include <span>

namespace linnet {

inline constexpr int64_t kDigits = 10;
inline constexpr int64_t kDigitPixels = 12 * 7;

// [kDigits, 12 rows, 7 columns]: +1 is ink, -1 paper. The size is the paper's (LeCun et al. 1998,
// sec. II-B), the drawings are our own.
std::span<const float> DigitCodes();

}  // namespace linnet

#endif  // LINNET_OPS_DIGIT_CODES_H_
