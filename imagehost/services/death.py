"""The end of an image, once its record says dead: the steps that every way there shares, and the answer it gives.

Whoever wrote or found the dead record may run them, any number of times and in any number of places at once.
"""

from imagehost import faults
from imagehost.errors import REFUSALS, ImageDeleted, ImagehostError, ImageNotFound
from imagehost.models import DeadRecord, Image, ReadyRecord, Tombstone
from imagehost.services.parts import Parts
from imagehost.storage import object_keys


def finish_dead(parts: Parts, record: DeadRecord, epoch: str) -> bool:
    """`apply_record`, remove the bytes, `purge_done`. False when bytes may be left: then the purge entry stays, and the
    sweeper goes on. `epoch` is the one read before the record was."""
    parts.images.apply(record, epoch)
    faults.reached("after_dead_apply")
    if not parts.objects.remove_all(*object_keys.prefixes_of_image(record.uid, record.iid)):
        return False
    faults.reached("after_objects")
    parts.images.purge_done(record.iid, record.uid)
    return True


def find_end(parts: Parts, image: Image) -> ImagehostError | None:
    """What is to be answered where bytes of an image are missed, if it is no more; None while its record is ready and
    names its version."""
    stored = parts.records.find_image(image.iid)
    match stored.record if stored else None:
        case ReadyRecord(image=Image(version=version)) if version == image.version:
            return None
        case DeadRecord() as record:
            return dead_answer(record)
    return ImageNotFound()


def dead_answer(dead: DeadRecord | Tombstone) -> ImagehostError:
    """What the owner of a dead image hears, the same each time: the gate's stored verdict, or that it was deleted."""
    if dead.reason == "refused" and dead.code in REFUSALS:
        return REFUSALS[dead.code](dead.detail or "")
    return ImageDeleted()
