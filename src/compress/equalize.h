// Cross-layer equalisation (Nagel et al., 1906.04721, sec. 4.1).
//
// Between two layers whose activation commutes with positive factors, f(s x) = s f(x), a channel
// may be divided by s in the first and multiplied by s in the second, and nothing changes:
//
//   W2 f(W1 x + b1) = (W2 S) f(S^-1 W1 x + S^-1 b1)
//
// With s = sqrt(r1 / r2) the channel's largest weights r1 and r2 in both layers become equal, and
// no channel is lost in the rounding of one tensor because another's numbers are larger.
#ifndef LINNET_COMPRESS_EQUALIZE_H_
#define LINNET_COMPRESS_EQUALIZE_H_

#include "rewrite/rewrite.h"

namespace linnet {

// Of every two layers of which the second alone reads the first. A ReLU6 between them becomes a
// ReLU, as in the paper: that changes the network a little; whether it pays has to be measured.
// Returns the number of pairs.
int EqualizeLayers(Network& network);

}  // namespace linnet

#endif  // LINNET_COMPRESS_EQUALIZE_H_
