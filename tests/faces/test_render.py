import numpy as np
import torch
import torch.nn.functional as F

from lipsync.faces.model3d.camera import Camera, place
from lipsync.faces.model3d.render import covered, flow, interpolate, render

AHEAD = torch.tensor([[0.0, 0, 0, 0, -6, 890]])


def jaw(model, *values):
    expression = torch.zeros(len(values), model.expression_size)
    expression[:, model.expression_names.index("jawOpen")] = torch.tensor(values)
    return expression


def identity_grid(size):
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    return torch.stack([x, y], -1)[None]


def test_a_face_fills_the_crop_upright_with_its_colours(ict):
    drawn = render(ict, torch.zeros(1, 100), jaw(ict, 0.0), AHEAD, 96)
    assert drawn.image.shape == (1, 3, 96, 96)
    assert 0.5 < float(drawn.mask.mean()) < 0.9
    assert float(drawn.image.max()) <= 1
    assert bool((drawn.image * (1 - drawn.mask) == 0).all())
    # The tip of the nose is the nearest point, and faces the viewer.
    nearest = torch.where(drawn.mask > 0, drawn.depth, 1e9).flatten().argmin()
    row, column = divmod(int(nearest), 96)
    assert abs(column - 47.5) < 4
    assert float(drawn.normal[0, 2, row, column]) > 0.8
    # Lips are redder than the cheeks.
    place_ = ict.mediapipe_indices.tolist().index
    lip = drawn.projected[0, ict.landmark_vertices[place_(17)]].round().long()
    red, green, _ = drawn.image[0, :, lip[1] - 1, lip[0]]
    assert float(red / green) > 1.5


def test_the_face_turns_with_its_pose(ict):
    left = render(ict, torch.zeros(1, 100), jaw(ict, 0.0), AHEAD + torch.tensor([[0, 0.5, 0, 0, 0, 0]]), 96)
    nearest = int(torch.where(left.mask > 0, left.depth, 1e9).flatten().argmin()) % 96
    assert nearest > 60  # a positive turn about y brings the nose to the right of the picture


def test_the_flow_between_equal_pictures_is_the_identity(ict):
    pose = AHEAD + torch.tensor([[0.1, 0.3, 0.05, 4, 2, 20]])
    drawn = render(ict, torch.zeros(1, 100), jaw(ict, 0.3), pose, 64)
    grid = flow(drawn, drawn.projected)
    np.testing.assert_allclose(grid, identity_grid(64), atol=1e-5)
    assert float(covered(drawn, drawn)[drawn.mask > 0].mean()) > 0.99


def test_the_flow_leads_each_pixel_to_its_surface_point(ict):
    """Colour the surface by where it is on the resting face: drawn straight, and fetched along the flow."""
    expression = jaw(ict, 0.0, 0.25)
    pose = torch.cat([AHEAD, AHEAD + torch.tensor([[0.05, 0.2, 0, 5, 3, 15]])])
    drawn = render(ict, torch.zeros(1, 100), expression, pose, 128)
    surface = ict.mean.reshape(1, -1, 3).expand(2, -1, -1)
    painted = interpolate(surface, drawn.triangle, drawn.barycentric, drawn.corners) * drawn.mask
    reference = render(ict, torch.zeros(1, 100), expression[:1], pose[:1], 128)
    target = render(ict, torch.zeros(1, 100), expression[1:], pose[1:], 128)
    fetched = F.grid_sample(painted[:1], flow(target, reference.projected), align_corners=True)
    clear = F.avg_pool2d(covered(target, reference), 5, 1, 2) > 0.99  # away from the edges of what is seen
    off = (fetched - painted[1:]).norm(dim=1, keepdim=True)[clear]
    assert int(clear.sum()) > 4000
    assert float(off.median()) < 0.5  # mm; a pixel of this picture is 1.4 mm wide
    assert float(off.quantile(0.99)) < 3
    # Without the flow the same comparison is off by several pixels.
    assert float((painted[:1] - painted[1:]).norm(dim=1, keepdim=True)[clear].median()) > 8


def test_pixels_beside_the_face_move_with_it(ict):
    drawn = render(ict, torch.zeros(1, 100), jaw(ict, 0.0), AHEAD, 64)
    moved = drawn.projected + torch.tensor([6.0, -2.0, 0])
    grid = (flow(drawn, moved) - identity_grid(64)) * 63 / 2
    np.testing.assert_allclose(grid[..., 0], 6, atol=0.05)
    np.testing.assert_allclose(grid[..., 1], -2, atol=0.05)
    still = flow(drawn, moved, spread=False) - identity_grid(64)
    assert bool((still[drawn.mask[:, 0] == 0].abs() < 1e-6).all())


def test_the_inside_of_an_opened_mouth_is_not_in_the_closed_picture(ict):
    closed, opened = (render(ict, torch.zeros(1, 100), jaw(ict, v), AHEAD, 128) for v in (0.0, 0.5))
    seen = covered(opened, closed)
    place_ = ict.mediapipe_indices.tolist().index
    middle = opened.projected[0, ict.landmark_vertices[[place_(13), place_(14)]], :2].mean(0).round().long()
    assert float(seen[0, 0, middle[1], middle[0]]) == 0
    cheek = opened.projected[0, ict.landmark_vertices[place_(50)], :2].round().long()
    assert float(seen[0, 0, cheek[1], cheek[0]]) == 1


def test_gradients_reach_every_coefficient(toy):
    inputs = [torch.zeros(1, n) for n in (80, 64, 27, 80)]
    inputs[2] = torch.full((1, 27), 0.1)
    pose = AHEAD.clone()
    for tensor in (*inputs, pose):
        tensor.requires_grad_()
    identity, expression, lighting, texture = inputs
    drawn = render(toy, identity, expression, pose, 48, lighting=lighting, texture=texture)
    (drawn.image.square().mean() + drawn.projected[..., :2].square().mean()).backward()
    for tensor in (*inputs, pose):
        assert tensor.grad is not None
        assert bool((tensor.grad != 0).all())


def test_with_and_without_gradients_the_picture_is_the_same(toy):
    """Without, the pixels come from a loop of its own."""
    identity, expression = torch.randn(1, 80), torch.randn(1, 64)
    with torch.no_grad():
        fast = render(toy, identity, expression, AHEAD, 48)
    slow = render(toy, identity.requires_grad_(), expression, AHEAD, 48)
    assert slow.image.requires_grad
    np.testing.assert_allclose(fast.image, slow.image.detach(), atol=1e-5)
    np.testing.assert_allclose(fast.normal, slow.normal.detach(), atol=1e-4)


def test_another_camera_draws_another_part(toy):
    """Twice the focal length about the middle shows the middle twice as large."""
    wide = Camera.of_crop(64)
    near = Camera(wide.focal * 2, wide.centre, 64)
    identity, expression = torch.zeros(1, 80), torch.zeros(1, 64)
    first, second = (render(toy, identity, expression, AHEAD, 64, camera) for camera in (wide, near))
    middle = torch.tensor([31.5, 31.5, 0])
    stretched = (first.projected - middle) * torch.tensor([2.0, 2, 1]) + middle
    np.testing.assert_allclose(second.projected, stretched, atol=1e-3)
    assert float(second.mask.mean()) > float(first.mask.mean())
    placed = place(toy.shape(identity, expression), AHEAD)
    np.testing.assert_allclose(first.projected, wide.project(placed), atol=1e-4)
