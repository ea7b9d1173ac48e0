"""All pictures, by name."""

from docs.pictures import early_stopping, interrupted, regret, samplers, training
from docs.pictures.picture import Picture

PICTURES: dict[str, Picture] = {
    picture.name: picture
    for module in (early_stopping, samplers, training, interrupted, regret)
    for picture in module.PICTURES
}
