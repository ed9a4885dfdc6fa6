#ifndef LINNET_REWRITE_FOLD_BATCH_NORM_H_
#define LINNET_REWRITE_FOLD_BATCH_NORM_H_

#include "rewrite/rewrite.h"

namespace linnet {

// y = gamma (W x + b - mean) / sqrt(var + eps) + beta
//   = (s W) x + (b - mean) s + beta,   s = gamma / sqrt(var + eps), one for each output channel.
//
// Applies to a convolution or fully connected layer, without activation or residual, that nothing
// but the batch norm reads. Computed in double, rounded once. The layer takes the batch norm's
// activation.
void FoldBatchNorm(Network& network);

}  // namespace linnet

#endif  // LINNET_REWRITE_FOLD_BATCH_NORM_H_
