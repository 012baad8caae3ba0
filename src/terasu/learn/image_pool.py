"""The last images that a generator made, so that the discriminator does not forget them.

Source: Shrivastava et al., CVPR 2017, doi 10.1109/CVPR.2017.241, section 2.3; 50 images as in Zhu et al. 2017
"""

from __future__ import annotations

import torch
from torch import Tensor


class ImagePool:
    """Up to ``size`` images on the device of those that come.

    Args:
        size: 0 gives every image back as it came.
    """

    def __init__(self, size: int = 50) -> None:
        self.size = size
        self.images: Tensor | None = None

    def exchange(self, images: Tensor) -> Tensor:
        """Half of the time an image is kept and an older one given in its place.

        Args:
            images: (n, …), without gradient.
        Returns:
            (n, …). Chance is that of torch's generator on the CPU.
        """
        if self.size == 0:
            return images
        return torch.stack([self._one(image) for image in images.detach()])

    def _one(self, image: Tensor) -> Tensor:
        if self.images is None or len(self.images) < self.size:
            one = image[None].clone()
            self.images = one if self.images is None else torch.cat((self.images, one))
            return image
        if float(torch.rand(())) < 0.5:
            return image
        place = int(torch.randint(self.size, ()))
        older = self.images[place].clone()
        self.images[place] = image
        return older

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return {} if self.images is None else {"images": self.images.clone()}

    def restore(self, state: dict[str, Tensor], device: torch.device) -> None:
        """Take back what ``state`` gave."""
        self.images = state["images"].to(device) if "images" in state else None
