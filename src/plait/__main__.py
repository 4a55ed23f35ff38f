"""``python -m plait``, for where the command is not on the path."""

from plait.entry import main

if __name__ == "__main__":
    main()
