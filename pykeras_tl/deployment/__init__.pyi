from .hub import from_hub as from_hub
from .hub import push_to_hub as push_to_hub
from .service import make_service as make_service
from .service import serve as serve
