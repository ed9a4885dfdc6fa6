// "Did you mean ...": the candidate that differs least from what was written.
#ifndef LINNET_BASE_NEAREST_H_
#define LINNET_BASE_NEAREST_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace linnet {

// Letters to insert, delete or replace (Levenshtein).
size_t EditDistance(std::string_view a, std::string_view b);

// The first of the nearest candidates; "" if there are none.
std::string Nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace linnet

#endif  // LINNET_BASE_NEAREST_H_
