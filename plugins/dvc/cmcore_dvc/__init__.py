"""DVC's files from and to versions of data, without DVC: what a `.dvc` file says and what lies in its cache."""
