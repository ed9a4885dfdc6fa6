// Recipe: the choices that follow from the pictures themselves, so that a user need not make them.
#ifndef LINNET_TRAIN_RECIPE_H_
#define LINNET_TRAIN_RECIPE_H_

#include "archs/arch.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "data/pipeline.h"

namespace linnet {

// What a look at some of the training pictures says.
struct PictureSurvey {
  int side = 0;       // median of the shorter side, in pixels
  bool grey = false;  // every picture looked at has equal channels
  bool small() const { return side <= kSmallSide; }
  static constexpr int kSmallSide = 64;
};

// Looks at up to 64 pictures spread over the training split; broken ones are passed over. Error
// (kData) if none can be decoded.
PictureSurvey SurveyPictures(const Dataset& data);

// 'spec' with what follows from the data, unless it says otherwise: classes; for small pictures
// small_input and their own size.
ArchSpec FitArchToData(ArchSpec spec, const Dataset& data, const PictureSurvey& survey);

// The pipeline for the input of 'graph': small pictures whole, others by resizing and centre crop.
ImagePipeline DefaultPipeline(const Graph& graph, const PictureSurvey& survey);

// Small pictures: pad and random crop; others: random resized crop. Flip, except for grey pictures,
// which are most often digits and letters.
AugmentOptions DefaultAugment(const PictureSurvey& survey, int size);

// Where there is no validation split, takes 'fraction' of the training pictures for it; 0: none.
void EnsureValidation(Dataset& data, double fraction);

}  // namespace linnet

#endif  // LINNET_TRAIN_RECIPE_H_
