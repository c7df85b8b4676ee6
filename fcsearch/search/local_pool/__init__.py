"""Pools without Ray: packs train in the calling process, or in processes of this machine."""
